import { Button, Group, Modal, Stack, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Currency } from '../../../src/platform/values/currency-rules.ts'
import { ask, type Tier } from '../api.ts'
import { minorUnits, money, typed } from '../format.ts'
import { DataTable } from '../parts/data-table.tsx'
import { FormEnd } from '../parts/forms.tsx'
import { List, useList } from '../parts/list.tsx'
import { NameWithRetired, RemoveUnused, RetiredSwitch } from '../parts/retired.tsx'
import { useFund, useMay } from '../session.ts'
import { AgentsList } from './agents.tsx'

export function TiersPage() {
  const { t } = useTranslation()
  const may = useMay()
  return (
    <Stack gap="xl">
      <Title order={1} size="h2">
        {t('fund.tiersTitle')}
      </Title>
      <TiersList />
      {may('agents.read') && <AgentsList />}
    </Stack>
  )
}

function TiersList() {
  const { t } = useTranslation()
  const may = useMay()
  const fund = useFund()
  const tiers = useList<Tier>('/api/tiers')
  const [opened, { open, close }] = useDisclosure()
  const [tier, setTier] = useState<Tier>()
  const amount = (minor: number | null) => (minor === null || !fund ? t('fund.notGiven') : money(minor, fund))
  const edit = (one: Tier | undefined) => {
    setTier(one)
    open()
  }

  return (
    <Stack component="section" aria-labelledby="tiers">
      <Group justify="space-between">
        <Title order={2} size="h3" id="tiers">
          {t('fund.tiers')}
        </Title>
        {may('fund.change') && (
          <Button disabled={!fund} onClick={() => edit(undefined)}>
            {t('fund.addTier')}
          </Button>
        )}
      </Group>
      <List of={tiers} empty={t('fund.noTiers')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={(one) => one.tierId}
            columns={[
              { name: t('shell.code'), as: 'code', show: (one) => one.tierCode },
              {
                name: t('shell.name'),
                show: (one) => <NameWithRetired name={one.tierName} isRetired={one.retiredAt !== null} />,
              },
              { name: t('fund.contribution'), as: 'number', show: (one) => amount(one.contributionAmount) },
              { name: t('fund.benefit'), as: 'number', show: (one) => amount(one.benefitAmount) },
              may('fund.change') && {
                name: t('fund.actions'),
                show: (one) => (
                  <Button
                    variant="default"
                    size="xs"
                    disabled={!fund}
                    aria-label={t('fund.changeOf', { code: one.tierCode })}
                    onClick={() => edit(one)}
                  >
                    {t('fund.change')}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </List>
      {fund && (
        <Modal
          opened={opened}
          onClose={close}
          title={tier ? t('fund.changeTier', { code: tier.tierCode }) : t('fund.addTier')}
        >
          <TierForm tier={tier} fund={fund} onDone={close} />
        </Modal>
      )}
    </Stack>
  )
}

/** Null: the field is empty. Undefined: it is not a valid amount. */
function readAmount(text: string, currency: Currency): number | null | undefined {
  return text.trim() === '' ? null : minorUnits(text, currency)
}

function TierForm({ tier, fund, onDone }: { tier: Tier | undefined; fund: Currency; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const { currency } = fund
  const written = (minor: number | null | undefined) => (minor == null ? '' : typed(minor, fund))
  const [code, setCode] = useState(tier?.tierCode ?? '')
  const [name, setName] = useState(tier?.tierName ?? '')
  const [contribution, setContribution] = useState(written(tier?.contributionAmount))
  const [benefit, setBenefit] = useState(written(tier?.benefitAmount))
  const [isRetired, setIsRetired] = useState(tier?.retiredAt != null)
  const contributionAmount = readAmount(contribution, fund)
  const benefitAmount = readAmount(benefit, fund)
  const wrong = (amount: number | null | undefined) =>
    amount === undefined && t('fund.amountWrong', { currency })

  const save = useMutation({
    mutationFn: () => {
      if (!tier) {
        const added = { tierCode: code.trim(), tierName: name.trim(), contributionAmount, benefitAmount }
        return ask<Tier>('POST', '/api/tiers', added)
      }
      return ask<Tier>('PATCH', `/api/tiers/${tier.tierId}`, {
        ...(name.trim() !== tier.tierName && { tierName: name.trim() }),
        ...(contributionAmount !== tier.contributionAmount && { contributionAmount }),
        ...(benefitAmount !== tier.benefitAmount && { benefitAmount }),
        ...(isRetired !== (tier.retiredAt !== null) && { isRetired }),
      })
    },
    onSuccess: ({ tierCode }) => {
      const message = t(tier ? 'fund.tierChanged' : 'fund.tierAdded', { code: tierCode })
      notifications.show({ message, color: 'green' })
      onDone()
      return queries.invalidateQueries({ queryKey: ['/api/tiers'] })
    },
  })

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (contributionAmount !== undefined && benefitAmount !== undefined) save.mutate()
      }}
    >
      <Stack>
        <TextInput
          label={t('shell.code')}
          required={!tier}
          disabled={tier !== undefined}
          description={tier && t('fund.codeFixed')}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        <TextInput
          label={t('shell.name')}
          required
          data-autofocus={tier ? true : undefined}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label={t('fund.amountIn', { label: t('fund.contribution'), currency })}
          description={t('fund.contributionHint')}
          inputMode="decimal"
          error={wrong(contributionAmount)}
          value={contribution}
          onChange={(event) => setContribution(event.currentTarget.value)}
        />
        <TextInput
          label={t('fund.amountIn', { label: t('fund.benefit'), currency })}
          description={t('fund.benefitHint')}
          inputMode="decimal"
          error={wrong(benefitAmount)}
          value={benefit}
          onChange={(event) => setBenefit(event.currentTarget.value)}
        />
        {tier && (
          <RetiredSwitch hint={t('fund.tierRetiredHint')} isRetired={isRetired} onChange={setIsRetired} />
        )}
        <FormEnd of={save} verb={t('shell.save')} onCancel={onDone} />
        {tier && <RemoveUnused path={`/api/tiers/${tier.tierId}`} list="/api/tiers" onDone={onDone} />}
      </Stack>
    </form>
  )
}
