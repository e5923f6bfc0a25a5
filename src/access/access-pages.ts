import { createHash } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'

/**
 * The pages on which somebody signs in, sets a password and sets Almoner up. They hold nothing that is not public; what
 * is done on them goes through the API.
 */
export const accessPages: FastifyPluginAsync = async (app) => {
  for (const path of ['/sign-in', '/set-password', '/set-up']) {
    app.get(path, { config: { access: 'anyone' }, schema: { hide: true } }, async (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', contentSecurityPolicy)
        .header('referrer-policy', 'no-referrer')
        .send(page),
    )
  }
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 26rem; margin: 8vh auto; padding: 0 1rem }
h1 { font-size: 1.4rem }
label { display: block; margin: 1rem 0 .25rem }
input { margin-top: .35rem; box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; border: 1px solid #808080; border-radius: .4rem }
button { margin: 1.25rem 1rem 0 0; padding: .6rem 1.2rem; font: inherit; border: 0; border-radius: .4rem; background: #1c5fa8; color: #fff; cursor: pointer }
button:disabled { opacity: .5 }
button.plain { padding-inline: 0; background: none; color: inherit; text-decoration: underline }
:focus-visible { outline: 3px solid #e08a00; outline-offset: 2px }
#told { min-height: 1.5rem; margin-top: 1rem }
#told.refused { color: light-dark(#a3161a, #ff9c9c) }
#picture { width: 12rem; background: #fff }
code { overflow-wrap: anywhere }
#backup { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); margin-top: .5rem }
[hidden] { display: none !important }
`

const script = `
const told = document.getElementById('told')
const steps = [...document.querySelectorAll('form, section')]
const secret = location.hash.slice(1)
let csrfToken = null

function tell(sentence, refused) {
  told.textContent = sentence
  told.className = refused ? 'refused' : ''
}

function show(id, sentence = '') {
  for (const step of steps) step.hidden = step.id !== id
  tell(sentence, false)
  document.querySelector('#' + id + ' input')?.focus()
}

async function ask(method, path, body) {
  const headers = { ...(body && { 'content-type': 'application/json' }), ...(csrfToken && { 'x-csrf-token': csrfToken }) }
  const response = await fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.errors?.map((one) => one.detail).join(' ') || answer.detail)
  return answer
}

async function welcome() {
  const session = await ask('GET', '/api/session')
  csrfToken = session.csrfToken
  if (session.secondFactorNeeded) return show('enrol')
  document.getElementById('who').textContent = session.name + ' (' + session.role + ')'
  show('in')
}

async function signedIn({ secondFactorNeeded }) {
  if (secondFactorNeeded) return show('code')
  await welcome()
}

const acts = {
  'sign-in': async (given) => signedIn(await ask('POST', '/api/session', given)),
  code: async (given) => {
    await ask('POST', '/api/session/code', given)
    await welcome()
  },
  'set-up': async (given) => signedIn(await ask('POST', '/api/set-up', { ...given, token: secret })),
  'set-password': async (given) => {
    await ask('POST', '/api/password', { ...given, token: secret })
    history.replaceState(null, '', '/sign-in')
    show('sign-in', 'The password is set.')
  },
  forgotten: async (given) => {
    await ask('POST', '/api/password-links', given)
    show('sign-in', 'If there is such an account, a link is on its way to it.')
  },
  enrol: async (given) => {
    const { totpUri, qrCode, backupCodes } = await ask('POST', '/api/session/second-factor', given)
    document.getElementById('picture').src = 'data:image/svg+xml,' + encodeURIComponent(qrCode)
    document.getElementById('key').textContent = new URL(totpUri).searchParams.get('secret')
    document.getElementById('backup').replaceChildren(...backupCodes.map((code) => Object.assign(document.createElement('span'), { textContent: code })))
    show('confirm')
  },
  confirm: async (given) => {
    await ask('POST', '/api/session/second-factor/code', given)
    await welcome()
  },
}

for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const button = form.querySelector('button')
    button.disabled = true
    tell('', false)
    try {
      await acts[form.id](Object.fromEntries(new FormData(form)))
      form.reset()
    } catch (error) {
      tell(error.message, true)
    } finally {
      button.disabled = false
    }
  })
}
document.getElementById('forgot').addEventListener('click', () => show('forgotten'))
document.getElementById('sign-out').addEventListener('click', async () => {
  await ask('DELETE', '/api/session')
  csrfToken = null
  show('sign-in', 'You are signed out.')
})

if (location.pathname === '/sign-in') welcome().catch(() => show('sign-in'))
else show(location.pathname.slice(1))
`

const newPassword = `<label>New password, 12 characters or more
<input name="newPassword" type="password" autocomplete="new-password" minlength="12" maxlength="128" required></label>`

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Almoner</title>
<style>${style}</style>
<main>
<h1>Almoner</h1>
<form id="sign-in" hidden>
<label>E-mail <input name="email" type="email" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button><button type="button" class="plain" id="forgot">I have forgotten it</button>
</form>
<form id="code" hidden>
<label>Code of your app, or one of your backup codes <input name="code" autocomplete="one-time-code" required></label>
<button>Go on</button>
</form>
<form id="forgotten" hidden>
<label>E-mail <input name="email" type="email" autocomplete="username" required></label>
<button>Send me a link</button>
</form>
<form id="set-password" hidden>
${newPassword}
<button>Set the password</button>
</form>
<form id="set-up" hidden>
<p>You are the first here, and will be the admin.</p>
<label>Your name <input name="name" autocomplete="name" maxlength="200" required></label>
<label>E-mail <input name="email" type="email" autocomplete="username" required></label>
${newPassword}
<button>Set up</button>
</form>
<form id="enrol" hidden>
<p>Whoever can move money signs in with a second factor too: an app on a telephone that shows codes.</p>
<label>Your password once more <input name="password" type="password" autocomplete="current-password" required></label>
<button>Show me the picture</button>
</form>
<form id="confirm" hidden>
<p>Let the app read this picture:</p>
<img id="picture" alt="QR code of the key below">
<p>or give it this key: <code id="key"></code></p>
<p>Write these backup codes down; each is good once, should the telephone be lost: <code id="backup"></code></p>
<label>Then give the code that the app shows <input name="code" autocomplete="one-time-code" inputmode="numeric" required></label>
<button>Go on</button>
</form>
<section id="in" hidden>
<p>You are signed in: <strong id="who"></strong></p>
<p><a href="/api/docs">The API</a></p>
<button type="button" id="sign-out">Sign out</button>
</section>
<p id="told" role="status"></p>
</main>
<script>${script}</script>
</html>
`

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  'img-src data:',
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')
