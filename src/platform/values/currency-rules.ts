/**
 * ISO 4217, list one, of 2024-06-25, and the amendments until 2025-12 (XCG in place of ANG, BGN until the euro). By how many decimal
 * places their minor unit has. Left out are metals, units of account, and codes for tests, in which nobody collects.
 *
 * Not from `Intl`: it says how amounts are usually shown, and that differs from one version of Node or of a browser to the next.
 */
const codesByExponent: readonly (readonly [exponent: number, codes: string])[] = [
  [0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'],
  [
    2,
    `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
     COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR
     IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN
     NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
     TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG`,
  ],
  [3, 'BHD IQD JOD KWD LYD OMR TND'],
  [4, 'CLF UYW'],
]

/** A currency with the number of its decimal places, as the fund and each cycle keep it. */
export interface Currency {
  /** ISO 4217. */
  readonly currency: string
  /** 2: an amount of 9950 is 99.50. */
  readonly currencyExponent: number
}

const exponents = new Map(
  codesByExponent.flatMap(([exponent, codes]) => codes.split(/\s+/).map((code) => [code, exponent] as const)),
)

/** The codes that a fund can be kept in, in the order of the alphabet. */
export const currencyCodes: readonly string[] = [...exponents.keys()].toSorted()

/** The decimals to store with a newly chosen currency; undefined for an unknown one. Stored decimals are never looked up again. */
export function currencyOf(code: string): Currency | undefined {
  const currencyExponent = exponents.get(code)
  return currencyExponent === undefined ? undefined : { currency: code, currencyExponent }
}
