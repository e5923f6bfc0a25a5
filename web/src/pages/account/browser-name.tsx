import { useTranslation } from 'react-i18next'

export function BrowserName({ userAgent }: { userAgent: string }) {
  const { t } = useTranslation()
  const browser = firstIn(userAgent, browsers)
  const system = firstIn(userAgent, systems)
  if (browser && system) return <>{t('access.browserOn', { browser, system })}</>
  // Other programs begin with their name.
  return <>{browser ?? system ?? (userAgent.slice(0, 40) || t('access.unknown'))}</>
}

type Sign = readonly [sign: RegExp, name: string]

/** Some browsers also name another browser: they come before the one that they name. */
const browsers: readonly Sign[] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]

const systems: readonly Sign[] = [
  [/\bAndroid\b/, 'Android'],
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

function firstIn(userAgent: string, signs: readonly Sign[]): string | undefined {
  return signs.find(([sign]) => sign.test(userAgent))?.[1]
}
