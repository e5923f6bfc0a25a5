import { loadModule, parseSync } from 'libpg-query'

await loadModule()

/** What a distributed PostgreSQL would spread over its shards, by the member; all else is on one node or on every one. */
const spread = new Set(['standings', 'members', 'member_contributions', 'eligible_members'])
const key = 'member_id'

/** A table of a `from`, as often as it occurs. */
interface Relation {
  readonly name: string
  readonly alias: string
  /** Relations whose key equals this one's are in one group, which is in one shard. */
  group: object
  /** Whether a predicate says of which member, or between which. */
  isKeyed: boolean
}
interface Scope {
  readonly relations: Relation[]
  readonly outer: Scope | undefined
}
// biome-ignore lint/suspicious/noExplicitAny: the tree of PostgreSQL's own parser, whose nodes have a type each.
type Node = any

export interface Finding {
  /** Tables that are joined otherwise than by the member: such a join crosses shards. */
  readonly crossing: string[]
  /** Tables of which no predicate names the member: every shard is asked. */
  readonly everyShard: string[]
}

/** Looks at a statement as a planner of shards would. */
export function lookAtSharding(statement: string): Finding {
  const all: Relation[] = []
  const needed: [Relation, Relation][] = []

  const columnOf = (node: Node): string[] | undefined =>
    node?.ColumnRef?.fields?.map((field: Node) => field.String?.sval ?? '*')

  /** The spread relation whose key the column is. */
  const relationOf = (node: Node, scope: Scope | undefined): Relation | undefined => {
    const names = columnOf(node)
    if (!names) return undefined
    const [table, column] = names.length > 1 ? names.slice(-2) : [undefined, names[0]]
    for (let at = scope; at; at = at.outer) {
      const found = at.relations.filter(({ alias, name }) =>
        table === undefined ? spread.has(name) : alias === table,
      )
      if (found[0]) return found[0].name === 'eligible_members' || column === key ? found[0] : undefined
    }
    return undefined
  }

  /** Notes that a nested statement looks at a row of an outer one. */
  const noteCorrelation = (node: Node, scope: Scope) => {
    const names = columnOf(node)
    if (!names || names.length < 2) return
    for (let at = scope.outer; at; at = at.outer) {
      const outer = at.relations.find(({ alias }) => alias === names.at(-2))
      if (outer && !scope.relations.some(({ alias }) => alias === names.at(-2))) {
        for (const inner of scope.relations) needed.push([inner, outer])
        return
      }
    }
  }

  const unite = (one: Relation, other: Relation) => {
    const [from, to] = [one.group, other.group]
    for (const relation of all) if (relation.group === from) relation.group = to
  }

  const addRelation = (name: string, alias: string, scope: Scope) => {
    const relation = { name, alias, group: {}, isKeyed: false }
    all.push(relation)
    for (const sibling of scope.relations) needed.push([relation, sibling])
    scope.relations.push(relation)
  }

  const addFrom = (node: Node, scope: Scope): void => {
    if (node.RangeVar) {
      const { relname, alias } = node.RangeVar
      addRelation(relname, alias?.aliasname ?? relname, scope)
    } else if (node.RangeFunction) {
      const call = JSON.stringify(node.RangeFunction.functions)
      const name = [...spread].find((one) => call.includes(`"${one}"`))
      if (name) addRelation(name, node.RangeFunction.alias?.aliasname ?? name, scope)
    } else if (node.JoinExpr) {
      const { larg, rarg, quals, usingClause = [] } = node.JoinExpr
      const before = scope.relations.length
      addFrom(larg, scope)
      const left = scope.relations.slice(before)
      addFrom(rarg, scope)
      const right = scope.relations.slice(before + left.length)
      if (usingClause.some((name: Node) => name.String.sval === key)) {
        for (const one of left)
          for (const other of right) if (spread.has(one.name) && spread.has(other.name)) unite(one, other)
      }
      visit(quals, scope)
    } else if (node.RangeSubselect) {
      visit(node.RangeSubselect.subquery, scope)
    }
  }

  const statements = ['SelectStmt', 'UpdateStmt', 'DeleteStmt', 'InsertStmt']
  const visit = (node: Node, scope: Scope | undefined): void => {
    if (typeof node !== 'object' || node === null) return
    if (Array.isArray(node)) {
      for (const one of node) visit(one, scope)
      return
    }
    const [type] = Object.keys(node)
    if (type && statements.includes(type)) {
      const { fromClause = [], relation, larg, rarg, ...rest } = node[type]
      const inner: Scope = { relations: [], outer: scope }
      if (relation && type !== 'InsertStmt') addFrom({ RangeVar: relation }, inner)
      for (const from of fromClause) addFrom(from, inner)
      visit(larg && { SelectStmt: larg }, scope)
      visit(rarg && { SelectStmt: rarg }, scope)
      visit(rest, inner)
      return
    }
    if (node.A_Expr) {
      const { kind, name = [], lexpr, rexpr } = node.A_Expr
      const [left, right] = [relationOf(lexpr, scope), relationOf(rexpr, scope)]
      const isEqual = kind === 'AEXPR_OP' && name[0]?.String?.sval === '='
      if (isEqual && left && right) unite(left, right)
      else if (isEqual || kind === 'AEXPR_BETWEEN' || kind === 'AEXPR_OP_ANY') {
        for (const one of [left, right]) if (one) one.isKeyed = true
      }
    }
    if (node.ColumnRef && scope) noteCorrelation(node, scope)
    for (const child of Object.values(node)) visit(child, scope)
  }

  visit(
    parseSync(statement).stmts.map(({ stmt }: Node) => stmt),
    undefined,
  )
  const areSpread = (...relations: Relation[]) => relations.every(({ name }) => spread.has(name))
  const crossing = needed
    .filter(([one, other]) => areSpread(one, other) && one.group !== other.group)
    .map(([one, other]) => `${other.name} and ${one.name}`)
  const keyed = new Set(all.filter(({ isKeyed }) => isKeyed).map(({ group }) => group))
  const everyShard = all.filter((one) => areSpread(one) && !keyed.has(one.group)).map(({ name }) => name)
  return { crossing: [...new Set(crossing)], everyShard: [...new Set(everyShard)] }
}
