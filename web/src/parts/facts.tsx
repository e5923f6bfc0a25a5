import type { ReactNode } from 'react'

/** What is known about one thing, each fact beside its name. */
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
