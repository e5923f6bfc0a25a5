import type { ReactNode } from 'react'

/** Facts about one thing, each beside its name. */
export function Facts({
  rows,
  as,
}: {
  rows: readonly (readonly [name: string, value: ReactNode])[]
  as?: 'number'
}) {
  return (
    <div className="scroll">
      <table className="table facts">
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td {...(as && { className: 'numbers' })}>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
