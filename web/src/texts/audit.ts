import i18next from 'i18next'
import audit from './en/audit.ts'

/** A page that tells the audit trail imports this: nobody else waits for its words. Other languages have theirs already. */
i18next.addResourceBundle('en', 'translation', { operations: audit }, true)
