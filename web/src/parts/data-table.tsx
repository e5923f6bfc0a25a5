import { Fragment, type ReactNode } from 'react'

export interface Column<Row> {
  readonly name: string
  /** A code is quoted as it is, in one piece; numbers stand under each other. */
  readonly as?: 'code' | 'number'
  readonly show: (row: Row) => ReactNode
}

/**
 * Rows under the names of their columns; on a phone each row is a card that says every name again, since a table that
 * scrolls sideways is not read to its end. Its roles are written out: a browser forgets them with the table's layout.
 * The library's own table would bring a tenth of all script to the first page.
 *
 * @param columns those that are false are left out
 * @param below what stands under a row in full width, such as a form; nothing under most
 */
export function DataTable<Row>({
  rows,
  keyOf,
  columns,
  below,
}: {
  rows: readonly Row[]
  keyOf: (row: Row) => string | number
  columns: readonly (Column<Row> | false)[]
  below?: (row: Row) => ReactNode
}) {
  const shown = columns.filter((column) => column !== false)
  const classOf = ({ as }: Column<Row>) => (as === 'number' ? 'numbers' : as)
  return (
    <div className="scroll">
      {/* biome-ignore-start lint/a11y/noRedundantRoles: see above. */}
      <table role="table" className="table cards">
        <thead role="rowgroup">
          <tr role="row">
            {shown.map((column) => (
              <th
                key={column.name}
                scope="col"
                role="columnheader"
                className={column.as === 'number' ? 'numbers' : undefined}
              >
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => {
            const under = below?.(row)
            return (
              <Fragment key={keyOf(row)}>
                <tr role="row">
                  {shown.map((column) => (
                    <td key={column.name} role="cell" className={classOf(column)} data-name={column.name}>
                      <div>{column.show(row)}</div>
                    </td>
                  ))}
                </tr>
                {under && (
                  <tr role="row" className="below">
                    <td role="cell" colSpan={shown.length}>
                      {under}
                    </td>
                  </tr>
                )}
              </Fragment>
            )
          })}
        </tbody>
      </table>
      {/* biome-ignore-end lint/a11y/noRedundantRoles: see above. */}
    </div>
  )
}
