import { Button, Stack, Text } from '@mantine/core'
import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  Outlet,
  type RouteComponent,
  useNavigate,
} from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { LoadError, Loading } from './parts/states.tsx'
import { useChangeOfSession, useSession } from './session.ts'
import { loadLaterTexts } from './texts.ts'

/** A page is loaded when it is first opened, with its texts: nobody waits for pages that they do not need. */
function page(load: () => Promise<() => React.JSX.Element>): RouteComponent {
  return firstPage(async () => (await Promise.all([load(), loadLaterTexts()]))[0])
}

/** One of those that people look at first: it does without the texts of the others. */
function firstPage(load: () => Promise<() => React.JSX.Element>): RouteComponent {
  const Page = lazy(async () => ({ default: await load() }))
  return () => (
    <Suspense fallback={<Loading />}>
      <Page />
    </Suspense>
  )
}

/** Loaded only after the sign-in: with its menus it is a tenth of all script. */
const Shell = lazy(async () => ({ default: (await import('./parts/shell.tsx')).Shell }))

const Enrol = firstPage(async () => (await import('./pages/sign-in/enrol-page.tsx')).EnrolPage)

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound })

/** The pages that need a sign-in. */
const inside = createRoute({ getParentRoute: () => root, id: 'inside', component: SignedInPages })

const outside = (path: string, load: () => Promise<() => React.JSX.Element>) =>
  createRoute({ getParentRoute: () => root, path, component: firstPage(load) })

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

const tree = root.addChildren([
  outside('/sign-in', async () => (await import('./pages/sign-in/sign-in-page.tsx')).SignInPage),
  outside('/set-password', async () => (await import('./pages/sign-in/link-pages.tsx')).SetPasswordPage),
  outside('/set-up', async () => (await import('./pages/sign-in/link-pages.tsx')).SetUpPage),
  inside.addChildren([
    createRoute({
      getParentRoute: () => inside,
      path: '/',
      component: firstPage(async () => (await import('./pages/cycles.tsx')).CyclesPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/cycles/start',
      validateSearch: (search: Record<string, unknown>): { claimId?: string } => {
        const claimId = text(search.claimId)
        return claimId === undefined ? {} : { claimId }
      },
      component: page(async () => (await import('./pages/start-cycle.tsx')).StartCyclePage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/cycles/$cycleId',
      component: page(async () => (await import('./pages/cycle/cycle-page.tsx')).CyclePage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/cycles/$cycleId/sheet',
      validateSearch: (search: Record<string, unknown>): { agentId?: string } => {
        const agentId = text(search.agentId)
        return agentId === undefined ? {} : { agentId }
      },
      component: page(async () => (await import('./pages/sheet.tsx')).SheetPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/deliveries',
      component: page(async () => (await import('./pages/deliveries.tsx')).DeliveriesPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/templates',
      component: page(async () => (await import('./pages/templates.tsx')).TemplatesPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/webhooks',
      component: page(async () => (await import('./pages/webhooks.tsx')).WebhooksPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/claims',
      component: page(async () => (await import('./pages/claims/claims-page.tsx')).ClaimsPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/members',
      component: page(async () => (await import('./pages/members/members-page.tsx')).MembersPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/members/import',
      component: page(async () => (await import('./pages/import-members/import-page.tsx')).ImportPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/members/$memberId',
      component: page(async () => (await import('./pages/members/member-page.tsx')).MemberPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/payments',
      component: page(async () => (await import('./pages/payments/payments-page.tsx')).PaymentsPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/payments/record',
      component: page(async () => (await import('./pages/payments/record-payment.tsx')).RecordPaymentPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/payments/$paymentId',
      component: page(async () => (await import('./pages/payments/payment-page.tsx')).PaymentPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/payments/$paymentId/receipt',
      component: page(async () => (await import('./pages/payments/receipt.tsx')).ReceiptPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/ledger',
      component: page(async () => (await import('./pages/ledger.tsx')).LedgerPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/tiers',
      component: page(async () => (await import('./pages/tiers.tsx')).TiersPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/jobs',
      component: page(async () => (await import('./pages/jobs.tsx')).JobsPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/jobs/$jobId',
      component: page(async () => (await import('./pages/job.tsx')).JobPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/audit',
      component: page(async () => (await import('./pages/audit.tsx')).AuditPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/users',
      component: page(async () => (await import('./pages/users/users-page.tsx')).UsersPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/settings',
      component: page(async () => (await import('./pages/settings.tsx')).SettingsPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/notices',
      component: page(async () => (await import('./pages/notices.tsx')).NoticesPage),
    }),
    createRoute({
      getParentRoute: () => inside,
      path: '/account',
      component: page(async () => (await import('./pages/account/account-page.tsx')).AccountPage),
    }),
  ]),
])

export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', scrollRestoration: true })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

function SignedInPages() {
  const session = useSession()
  const renew = useChangeOfSession()
  const navigate = useNavigate()
  if (session.data === undefined) {
    return session.error ? (
      <LoadError error={session.error} again={() => void session.refetch()} />
    ) : (
      <Loading />
    )
  }
  if (session.data === null) {
    void navigate({ to: '/sign-in' })
    return <Loading />
  }
  if (session.data.secondFactorNeeded) return <Enrol />
  return (
    <Suspense fallback={<Loading />}>
      <Shell session={session.data} onSignedOut={renew}>
        <Outlet />
      </Shell>
    </Suspense>
  )
}

function NotFound() {
  const { t } = useTranslation()
  return (
    <Stack align="center" p="xl">
      <Text>{t('shell.notFound')}</Text>
      <Button component={Link} to="/" variant="default">
        {t('shell.home')}
      </Button>
    </Stack>
  )
}
