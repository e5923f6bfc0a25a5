/** All words of the page, in one catalogue a language. */
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import { en } from './texts/en.ts'

export const languages = { en: 'English', hi: 'हिन्दी' } as const
export type Language = keyof typeof languages

const remembered = 'almoner.language'

/** English is always there, for a word that another language lacks; the others are fetched when somebody wants them. */
const catalogues: Record<Exclude<Language, 'en'>, () => Promise<object>> = {
  hi: async () => (await import('./texts/hi.ts')).hi,
}

export async function startTexts(): Promise<void> {
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en } },
    lng: 'en',
    fallbackLng: 'en',
    // React escapes what it shows.
    interpolation: { escapeValue: false },
  })
  const wanted = localStorage.getItem(remembered) ?? navigator.language.slice(0, 2)
  await changeLanguage(wanted in languages ? (wanted as Language) : 'en')
}

/** Texts that the first pages can do without. */
export async function loadLaterTexts(): Promise<void> {
  const { later } = await import('./texts/en-later.ts')
  i18next.addResourceBundle('en', 'translation', later, true)
}

/** Shows everything in this language, now and whenever this browser comes again. */
export async function changeLanguage(language: Language): Promise<void> {
  if (language !== 'en') i18next.addResourceBundle(language, 'translation', await catalogues[language]())
  localStorage.setItem(remembered, language)
  document.documentElement.lang = language
  await i18next.changeLanguage(language)
}
