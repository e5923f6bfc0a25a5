import { type Context, type Emitter, Liquid, type Template } from 'liquidjs'

/** The limit of a letter; the longest of Almoner's own has 900 characters. */
const maxLetterChars = 20_000
/** The limit of all text that is written while a letter is filled in, also captured text that is not shown. */
const maxWrittenChars = 10 * maxLetterChars

/** A wording that cannot be filled in within the limits. */
export class LetterTooLargeError extends Error {}

/**
 * Liquid, which reads nothing from disk, and gives up what would take long or much. Its own limit of memory counts what
 * filters make, and not what is written; here that is counted too.
 */
const liquid = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  templates: {},
  parseLimit: 20_000,
  renderLimit: 500,
  memoryLimit: maxWrittenChars,
})

const { renderer } = liquid
const renderTemplates = renderer.renderTemplates.bind(renderer)
// Text that a tag such as `capture` renders comes through here too.
renderer.renderTemplates = (templates, context, emitter) =>
  renderTemplates(templates, context, emitter ?? new CountingEmitter(context))

class CountingEmitter implements Emitter {
  buffer = ''
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  write(written: unknown): void {
    const text = String(written ?? '')
    this.#context.memoryLimit.use(text.length)
    this.buffer += text
  }
}

export function parseWording(source: string): Template[] {
  return liquid.parse(source)
}

/** The names of the values that a wording uses. */
export function namesIn(parsed: Template[]): string[] {
  return liquid.globalVariablesSync(parsed)
}

/**
 * A wording with its values filled in.
 *
 * @throws LetterTooLargeError when it takes too long or becomes too long; Liquid's own errors otherwise
 */
export function fillIn(parsed: Template[], values: Readonly<Record<string, string>>): string {
  let text: string
  try {
    text = liquid.renderSync(parsed, values)
  } catch (error) {
    if (/limit exceeded/.test((error as Error).message)) throw new LetterTooLargeError(tooLarge)
    throw error
  }
  if (text.length > maxLetterChars) throw new LetterTooLargeError(tooLarge)
  return text
}

const tooLarge = `becomes longer than ${maxLetterChars} characters, or takes too long, when it is filled in`
