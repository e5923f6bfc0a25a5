import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './style.css'
import { Badge, type CSSVariablesResolver, createTheme, MantineProvider, Notification } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import i18next from 'i18next'
import { StrictMode, useMemo } from 'react'
import { createRoot } from 'react-dom/client'
import { useTranslation } from 'react-i18next'
import { Refusal } from './api.ts'
import { router } from './router.tsx'
import { startTexts } from './texts.ts'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal would come again; a request that did not reach the server is tried a few times.
      retry: (failures, error) => !(error instanceof Refusal) && failures < 3,
      staleTime: 5_000,
    },
  },
})

/** Created again for each language, because it has texts. */
const themeOf = () =>
  createTheme({
    primaryColor: 'blue',
    // Dark enough for white text.
    primaryShade: 8,
    defaultRadius: 'md',
    cursorType: 'pointer',
    respectReducedMotion: true,
    components: {
      // The colour is for the background; as a text colour it would be hard to read.
      // Its text is never cut off, however narrow the table.
      Badge: Badge.extend({
        defaultProps: { variant: 'light', c: 'var(--mantine-color-text)', tt: 'none', miw: 'max-content' },
      }),
      // By name, so that its script is not loaded before it is shown.
      Modal: { defaultProps: { closeButtonProps: { 'aria-label': i18next.t('shell.close') } } },
      Notification: Notification.extend({
        defaultProps: { closeButtonProps: { 'aria-label': i18next.t('shell.close') } },
      }),
    },
  })

/** Dimmed text stays readable: a contrast of 4.5 : 1, which the library's own greys do not have. */
const readable: CSSVariablesResolver = ({ colors: { gray, dark, red } }) => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': gray?.[7] ?? '',
    '--mantine-color-placeholder': gray?.[7] ?? '',
    '--mantine-color-error': red?.[9] ?? '',
  },
  dark: {
    '--mantine-color-dimmed': dark?.[1] ?? '',
    '--mantine-color-placeholder': dark?.[1] ?? '',
    '--mantine-color-error': red?.[4] ?? '',
  },
})

const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? ''

// Where the library that keeps the page from scrolling under a dialog looks for the nonce of its style sheet.
Object.assign(window, { __webpack_nonce__: nonce })

function Console() {
  const { i18n } = useTranslation()
  // biome-ignore lint/correctness/useExhaustiveDependencies: its texts depend on the language.
  const theme = useMemo(themeOf, [i18n.language])
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={readable}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      {/* A place where it does not cover the bell or the last clicked button. */}
      <Notifications position="bottom-right" />
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  )
}

await startTexts()
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Console />
  </StrictMode>,
)
