import { Counter } from 'prom-client'

export const deliveriesSettled = new Counter({
  name: 'almoner_deliveries_total',
  help: 'Attempts at letters and webhooks, by channel and by what became of the delivery; Pending: it is tried again.',
  labelNames: ['channel', 'outcome'] as const,
})
