import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Member, type Page, withQuery } from '../api.ts'
import { useSentence } from './states.tsx'

/**
 * Finds a member by name, code or telephone.
 *
 * @param label what the member is to the form
 */
export function MemberSelect({
  label,
  member,
  onChoose,
  error,
}: {
  label: string
  member: Member | null
  onChoose: (member: Member | null) => void
  error: string | false
}) {
  const { t } = useTranslation()
  const sentence = useSentence()
  const [search, setSearch] = useState('')
  const lineOf = (one: Member) =>
    t('claims.memberLine', {
      code: one.memberCode,
      name: one.fullName,
      status: t(`members.status.${one.memberStatus}`),
    })
  // The field then holds the whole line of the chosen member, which must not be searched for.
  const wanted = member && search === lineOf(member) ? '' : search.trim().slice(0, 100)
  const [q] = useDebouncedValue(wanted, 300)
  const found = useQuery({
    queryKey: ['/api/members', 'search', q],
    enabled: q !== '',
    queryFn: () => ask<Page<Member>>('GET', withQuery('/api/members', { q, limit: 20 })),
  })
  const offered = q === '' || q !== wanted ? [] : (found.data?.items ?? [])
  const isChosenOffered = offered.some(({ memberId }) => memberId === member?.memberId)
  const choices = member && !isChosenOffered ? [member, ...offered] : offered
  const isSearching = wanted !== '' && (q !== wanted || found.isPending)
  // Said below the label and not in the list: an empty list is confusing in a screen reader.
  const hint =
    wanted === '' || choices.length > 0
      ? t('claims.deceasedHint')
      : t(isSearching ? 'claims.searching' : 'claims.noMember')
  return (
    <Select
      label={label}
      description={hint}
      required
      searchable
      data-autofocus
      spellCheck={false}
      data={choices.map((one) => ({ value: one.memberId, label: lineOf(one) }))}
      // The server has searched already.
      filter={({ options }) => options}
      searchValue={search}
      onSearchChange={setSearch}
      value={member?.memberId ?? null}
      onChange={(memberId) => onChoose(choices.find((one) => one.memberId === memberId) ?? null)}
      error={found.error && q !== '' ? sentence(found.error) : error}
    />
  )
}
