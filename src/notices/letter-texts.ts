import type { LetterLanguage } from '../fund/fund-rules.ts'
import type { LetterForm, LetterKind, LetterTemplate } from './letter-rules.ts'

const mailed: Readonly<Record<LetterLanguage, Readonly<Record<LetterKind, LetterTemplate>>>> = {
  en: {
    'agent-digest': {
      subject: '{{ cycleCode }}: {{ amount }} to collect from {{ members }} of your members',
      body: `Dear {{ recipientName }},

A contribution cycle was opened after the death of {{ deceasedFullName }}. Please collect from your members.

Deceased: {{ deceasedFullName }}
Date of death: {{ dateOfDeath }}
{% if placeOfDeath != "" %}Place of death: {{ placeOfDeath }}
{% endif %}Claim: {{ claimCode }}
Contribution of each member: {{ contributionAmount }}
Last day to pay: {{ deadline }}
Members asked in all: {{ totalMembers }}
Your members who are asked: {{ members }}
To collect in all: {{ amount }}

Your collection sheet:
{{ link }}

{{ fundName }}`,
    },
    'member-notice': {
      subject: '{{ deceasedFullName }} has died: your contribution by {{ deadline }}',
      body: `Dear {{ recipientName }},

Our member {{ deceasedFullName }} has died. The family is helped by all of us: please pay your contribution.

Deceased: {{ deceasedFullName }}
Date of death: {{ dateOfDeath }}
{% if placeOfDeath != "" %}Place of death: {{ placeOfDeath }}
{% endif %}Claim: {{ claimCode }}
Your contribution: {{ amount }}
Last day to pay: {{ deadline }}
{% if agentName != "" %}Your agent: {{ agentName }}
{% endif %}Members asked in all: {{ totalMembers }}

{{ fundName }}`,
    },
    'cycle-ready': {
      subject: '{{ cycleCode }} is ready: {{ totalMembers }} contributions',
      body: `Dear {{ recipientName }},

The contribution cycle {{ cycleCode }} is Active.

Deceased: {{ deceasedFullName }}
Date of death: {{ dateOfDeath }}
{% if placeOfDeath != "" %}Place of death: {{ placeOfDeath }}
{% endif %}Claim: {{ claimCode }}
Contribution of each member: {{ contributionAmount }}
Last day to pay: {{ deadline }}
Members asked in all: {{ totalMembers }}

The cycle:
{{ link }}

{{ fundName }}`,
    },
    'cycle-failed': {
      subject: '{{ cycleCode }} has failed',
      body: `Dear {{ recipientName }},

The contributions of the cycle {{ cycleCode }} could not be created: {{ reason }}

Nobody was asked to pay. It can be tried again, or cancelled, on its page.

The cycle:
{{ link }}

{{ fundName }}`,
    },
    'webhook-disabled': {
      subject: 'A webhook was switched off',
      body: `Dear {{ recipientName }},

What happens to cycles could not be delivered to a webhook any more, so it was switched off: {{ reason }}

The webhooks:
{{ link }}

{{ fundName }}`,
    },
  },
  hi: {
    'agent-digest': {
      subject: '{{ cycleCode }}: आपके {{ members }} सदस्यों से {{ amount }} एकत्र करने हैं',
      body: `आदरणीय {{ recipientName }},

{{ deceasedFullName }} के निधन के बाद अंशदान चक्र खोला गया है। कृपया अपने सदस्यों से अंशदान एकत्र करें।

दिवंगत: {{ deceasedFullName }}
मृत्यु की तारीख: {{ dateOfDeath }}
{% if placeOfDeath != "" %}मृत्यु का स्थान: {{ placeOfDeath }}
{% endif %}दावा: {{ claimCode }}
प्रत्येक सदस्य का अंशदान: {{ contributionAmount }}
भुगतान की अंतिम तारीख: {{ deadline }}
कुल सदस्य जिनसे माँगा गया: {{ totalMembers }}
आपके सदस्य जिनसे माँगा गया: {{ members }}
कुल एकत्र करना है: {{ amount }}

आपकी संग्रह सूची:
{{ link }}

{{ fundName }}`,
    },
    'member-notice': {
      subject: '{{ deceasedFullName }} का निधन: {{ deadline }} तक आपका अंशदान',
      body: `आदरणीय {{ recipientName }},

हमारे सदस्य {{ deceasedFullName }} का निधन हो गया है। परिवार की सहायता हम सब मिलकर करते हैं: कृपया अपना अंशदान दें।

दिवंगत: {{ deceasedFullName }}
मृत्यु की तारीख: {{ dateOfDeath }}
{% if placeOfDeath != "" %}मृत्यु का स्थान: {{ placeOfDeath }}
{% endif %}दावा: {{ claimCode }}
आपका अंशदान: {{ amount }}
भुगतान की अंतिम तारीख: {{ deadline }}
{% if agentName != "" %}आपके एजेंट: {{ agentName }}
{% endif %}कुल सदस्य जिनसे माँगा गया: {{ totalMembers }}

{{ fundName }}`,
    },
    'cycle-ready': {
      subject: '{{ cycleCode }} तैयार है: {{ totalMembers }} अंशदान',
      body: `आदरणीय {{ recipientName }},

अंशदान चक्र {{ cycleCode }} सक्रिय है।

दिवंगत: {{ deceasedFullName }}
मृत्यु की तारीख: {{ dateOfDeath }}
{% if placeOfDeath != "" %}मृत्यु का स्थान: {{ placeOfDeath }}
{% endif %}दावा: {{ claimCode }}
प्रत्येक सदस्य का अंशदान: {{ contributionAmount }}
भुगतान की अंतिम तारीख: {{ deadline }}
कुल सदस्य जिनसे माँगा गया: {{ totalMembers }}

चक्र:
{{ link }}

{{ fundName }}`,
    },
    'cycle-failed': {
      subject: '{{ cycleCode }} विफल हुआ',
      body: `आदरणीय {{ recipientName }},

चक्र {{ cycleCode }} के अंशदान नहीं बनाए जा सके: {{ reason }}

किसी से भुगतान नहीं माँगा गया है। चक्र के पृष्ठ पर इसे फिर से आज़माया या रद्द किया जा सकता है।

चक्र:
{{ link }}

{{ fundName }}`,
    },
    'webhook-disabled': {
      subject: 'एक वेबहुक बंद किया गया',
      body: `आदरणीय {{ recipientName }},

चक्रों की सूचनाएँ एक वेबहुक तक नहीं पहुँच सकीं, इसलिए उसे बंद कर दिया गया: {{ reason }}

वेबहुक:
{{ link }}

{{ fundName }}`,
    },
  },
}

const short: Readonly<Record<LetterLanguage, Readonly<Partial<Record<LetterKind, string>>>>> = {
  en: {
    'agent-digest':
      '{{ fundName }}: {{ deceasedFullName }} has died (claim {{ claimCode }}). Please collect {{ amount }} from {{ members }} of your members by {{ deadline }}. {{ link }}',
    'member-notice':
      '{{ fundName }}: {{ deceasedFullName }} died on {{ dateOfDeath }}{% if placeOfDeath != "" %} in {{ placeOfDeath }}{% endif %}. Claim {{ claimCode }}. Please pay {{ amount }} by {{ deadline }}{% if agentName != "" %} to {{ agentName }}{% endif %}. {{ totalMembers }} members are asked.',
  },
  hi: {
    'agent-digest':
      '{{ fundName }}: {{ deceasedFullName }} का निधन (दावा {{ claimCode }})। कृपया {{ deadline }} तक अपने {{ members }} सदस्यों से {{ amount }} एकत्र करें। {{ link }}',
    'member-notice':
      '{{ fundName }}: {{ deceasedFullName }} का निधन {{ dateOfDeath }} को{% if placeOfDeath != "" %} {{ placeOfDeath }} में{% endif %} हुआ। दावा {{ claimCode }}। कृपया {{ deadline }} तक {{ amount }}{% if agentName != "" %} {{ agentName }} को{% endif %} दें। {{ totalMembers }} सदस्यों से माँगा गया है।',
  },
}

/** Almoner's own wording of the letters. */
export function letterText(kind: LetterKind, form: LetterForm, language: LetterLanguage): LetterTemplate {
  return form === 'letter' ? mailed[language][kind] : { subject: '', body: short[language][kind] ?? '' }
}
