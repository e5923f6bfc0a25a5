import { Anchor, Button, Group, Paper, SegmentedControl, Stack, Text, TextInput, Title } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Fund, Member } from '../../api.ts'
import { minorUnits, money } from '../../format.ts'
import { MemberSelect } from '../../parts/member-select.tsx'
import { PaymentForm } from '../../parts/payment-form.tsx'
import { PaymentOfMember } from '../../parts/payment-of-member.tsx'
import { useFund } from '../../session.ts'

const payers = ['one', 'several', 'nobody'] as const
type Payers = (typeof payers)[number]

/** Money that has come in: of one member, of several, or of nobody who is known. */
export function RecordPaymentPage() {
  const { t } = useTranslation()
  const fund = useFund()
  const navigate = useNavigate()
  const [whose, setWhose] = useState<Payers>('one')
  // Each payment gets a form of its own.
  const [recorded, setRecorded] = useState(0)
  const end = {
    onDone: () => setRecorded((former) => former + 1),
    onCancel: () => void navigate({ to: '/payments' }),
  }
  return (
    <Stack maw={960}>
      <Anchor component={Link} to="/payments">
        {t('payments.toPayments')}
      </Anchor>
      <Title order={2}>{t('payments.record')}</Title>
      <SegmentedControl
        aria-label={t('payments.whose')}
        value={whose}
        onChange={(value) => setWhose(value as Payers)}
        data={payers.map((value) => ({ value, label: t(`payments.of.${value}`) }))}
      />
      {fund && (
        <Paper withBorder p="md" key={`${whose} ${recorded}`}>
          {whose === 'one' && <OfOneMember fund={fund} {...end} />}
          {whose === 'several' && <OfSeveralMembers fund={fund} {...end} />}
          {whose === 'nobody' && <OfNobodyKnown fund={fund} {...end} />}
        </Paper>
      )}
    </Stack>
  )
}

interface FormOf {
  readonly fund: Fund
  readonly onDone: () => void
  readonly onCancel: () => void
}

function OfOneMember(form: FormOf) {
  const { t } = useTranslation()
  const [member, setMember] = useState<Member | null>(null)
  return (
    <Stack>
      <MemberSelect label={t('payments.member')} member={member} onChoose={setMember} error={false} />
      {member && <PaymentOfMember key={member.memberId} member={member} {...form} />}
    </Stack>
  )
}

function PayerText({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation()
  return (
    <TextInput
      label={t('payments.payerText')}
      description={t('payments.payerTextHint')}
      maxLength={200}
      autoComplete="off"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

function OfNobodyKnown(form: FormOf) {
  const { t } = useTranslation()
  const [payerText, setPayerText] = useState('')
  const named = payerText.trim()
  return (
    <Stack>
      <Text c="dimmed">{t('payments.nobodySays')}</Text>
      <PayerText value={payerText} onChange={setPayerText} />
      <PaymentForm
        id="nobody"
        purposeOf={() => (named === '' ? {} : { payerText: named })}
        payer={named || t('payments.nobodyKnown')}
        {...form}
      />
    </Stack>
  )
}

interface Line {
  readonly key: number
  readonly member: Member | null
  readonly amountText: string
}

function OfSeveralMembers(form: FormOf) {
  const { t } = useTranslation()
  const { fund } = form
  const [payerText, setPayerText] = useState('')
  const [lines, setLines] = useState<Line[]>([
    { key: 0, member: null, amountText: '' },
    { key: 1, member: null, amountText: '' },
  ])
  const change = (key: number, part: Partial<Line>) =>
    setLines((former) => former.map((line) => (line.key === key ? { ...line, ...part } : line)))
  const amountOf = ({ amountText }: Line) => minorUnits(amountText, fund)
  const sum = lines.reduce((former, line) => former + (amountOf(line) ?? 0), 0)
  const named = payerText.trim()
  const purposeOf = (amount: number) => {
    const given = lines.flatMap((line) => {
      const share = amountOf(line)
      return line.member && share !== undefined ? [{ memberId: line.member.memberId, amount: share }] : []
    })
    if (given.length < lines.length) return t('payments.linesMissing')
    if (sum !== amount) return t('payments.linesDiffer')
    return { lines: given, ...(named !== '' && { payerText: named }) }
  }
  return (
    <Stack>
      <PayerText value={payerText} onChange={setPayerText} />
      <Stack component="ol" gap="md" p={0} m={0} role="list" style={{ listStyle: 'none' }}>
        {lines.map((line, index) => (
          <Group component="li" key={line.key} align="flex-end" gap="sm" className="payment-fields">
            <MemberSelect
              label={t('payments.memberOfLine', { line: index + 1 })}
              member={line.member}
              onChoose={(member) => change(line.key, { member })}
              error={false}
            />
            <TextInput
              label={t('payments.amountOfLine', { line: index + 1, currency: fund.currency })}
              required
              inputMode="decimal"
              autoComplete="off"
              value={line.amountText}
              error={
                line.amountText !== '' &&
                amountOf(line) === undefined &&
                t('payments.amountWrong', { currency: fund.currency })
              }
              onChange={(event) => change(line.key, { amountText: event.currentTarget.value })}
            />
            <Button
              variant="subtle"
              color="red"
              flex="0 0 auto"
              disabled={lines.length === 1}
              aria-label={t('payments.removeLine', { line: index + 1 })}
              onClick={() => setLines((former) => former.filter(({ key }) => key !== line.key))}
            >
              {t('payments.remove')}
            </Button>
          </Group>
        ))}
      </Stack>
      <Group>
        <Button
          variant="default"
          onClick={() =>
            setLines((former) => [
              ...former,
              { key: Math.max(...former.map(({ key }) => key)) + 1, member: null, amountText: '' },
            ])
          }
        >
          {t('payments.addLine')}
        </Button>
      </Group>
      <PaymentForm
        id="several"
        purposeOf={purposeOf}
        payer={named || t('payments.severalMembers', { members: lines.length })}
        {...form}
      >
        {(amount) => (
          <Text role="status" fw={600} c={amount !== undefined && sum > amount ? 'red' : 'inherit'}>
            {amount === undefined
              ? t('payments.sum', { sum: money(sum, fund) })
              : t(sum > amount ? 'payments.sumOver' : 'payments.sumOf', {
                  sum: money(sum, fund),
                  amount: money(amount, fund),
                  difference: money(Math.abs(amount - sum), fund),
                })}
          </Text>
        )}
      </PaymentForm>
    </Stack>
  )
}
