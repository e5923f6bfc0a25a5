import { z } from 'zod'
import type { AnnounceDeps } from '../events/announce.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import type { Clock } from '../platform/values/clock.ts'
import { changeTemplate, listTemplates, previewLetter, resetTemplate } from './keep-templates.ts'
import {
  letterSchema,
  templateKeySchema,
  templatePreviewSchema,
  templateSchema,
  templateWordsSchema,
} from './notice-api.ts'

const tags = ['notices']

/** The wording of the fund's letters. */
export function templateRoutes(
  deps: AnnounceDeps & { readonly clock: Clock; readonly publicUrl: string },
): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/notice-templates',
      {
        config: { access: 'templates.change' },
        schema: {
          summary: 'How each kind of letter is worded in each language',
          tags,
          response: { 200: z.object({ items: z.array(templateSchema) }) },
        },
      },
      async () => ({ items: await listTemplates(deps.db) }),
    )

    app.put(
      '/api/notice-templates/:noticeKind/:form/:language',
      {
        config: { access: 'templates.change' },
        schema: {
          summary: 'Word a kind of letter anew',
          description:
            'In [Liquid](https://liquidjs.com): values by their names in double braces. A name that is unknown, or a ' +
            'required one that is missing, is refused here and not when the letter is sent.',
          tags,
          params: templateKeySchema,
          body: templateWordsSchema,
          response: { 200: templateSchema, ...problemResponses(400, 404) },
        },
      },
      async (request) =>
        changeTemplate(deps, { key: request.params, template: request.body, actor: request.actor }),
    )

    app.delete(
      '/api/notice-templates/:noticeKind/:form/:language',
      {
        config: { access: 'templates.change' },
        schema: {
          summary: 'Go back to how Almoner words it',
          tags,
          params: templateKeySchema,
          response: { 200: templateSchema, ...problemResponses(400, 404) },
        },
      },
      async (request) => resetTemplate(deps, { key: request.params, actor: request.actor }),
    )

    app.post(
      '/api/notice-templates/preview',
      {
        config: { access: 'templates.change' },
        schema: {
          summary: 'What a letter would be, of the newest notice of its kind',
          tags,
          body: templatePreviewSchema,
          response: { 200: letterSchema, ...problemResponses(400) },
        },
      },
      async ({ body: { noticeKind, form, language, ...template } }) =>
        previewLetter(deps, { key: { noticeKind, form, language }, template }),
    )
  }
}
