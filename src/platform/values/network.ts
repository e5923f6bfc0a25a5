import ipaddr from 'ipaddr.js'

/**
 * The network that one subscriber has: an IPv4 address is one, and of IPv6 a provider gives each a /64 at least. What is
 * no address is returned as it is.
 */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  // An IPv4 address in IPv6 form is read as IPv4.
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const parts = (parsed as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16))
  return `${parts.join(':')}::/64`
}
