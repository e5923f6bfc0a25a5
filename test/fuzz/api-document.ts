import Ajv2020, { type AnySchemaObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly schema: AnySchemaObject
  readonly required?: boolean
}

type Content = Record<string, { schema?: AnySchemaObject }>

interface DocumentedOperation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly responses: Record<string, { content?: Content }>
}

export interface OpenApiDocument {
  readonly paths: Record<string, Record<string, DocumentedOperation>>
  readonly components: { readonly schemas: Record<string, AnySchemaObject> }
}

export interface Operation extends DocumentedOperation {
  /** As a person calls it: `POST /api/claims/{claimId}/approve`. */
  readonly name: string
  readonly method: string
  readonly path: string
}

export function operationsOf(document: OpenApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
    })),
  )
}

/** Says what of a value a schema of the document forbids; undefined when nothing. */
export type Faults = (schema: AnySchemaObject, value: unknown) => string | undefined

export function faultsBy(document: OpenApiDocument): Faults {
  const ajv = new Ajv2020.default({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema({ $id: 'document', components: document.components })
  const compiled = new Map<AnySchemaObject, ValidateFunction>()
  return (schema, value) => {
    let validate = compiled.get(schema)
    if (!validate) {
      validate = ajv.compile(
        JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"document#/components')),
      )
      compiled.set(schema, validate)
    }
    return validate(value) ? undefined : ajv.errorsText(validate.errors)
  }
}
