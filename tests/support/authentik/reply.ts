/** What the stand-in answers: JSON, an HTML page, or nothing. */
export type Reply =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly html: string; readonly allow?: string }
  | { readonly status: 204 }

export const json = (status: number, body: unknown): Reply => ({ status, json: body })
export const noContent: Reply = { status: 204 }

export const denied = json(403, { detail: 'You do not have permission to perform this action.' })
export const notFound = (model?: string): Reply =>
  json(404, { detail: model === undefined ? 'Not found.' : `No ${model} matches the given query.` })
/** Django's page for what no route fits. */
export const notFoundPage: Reply = { status: 404, html: '<!DOCTYPE html>\n<html lang="en"><body>Not Found</body></html>\n' }
/** What a crash looks like on POST, PATCH and DELETE: a 405 with an empty body. On GET it is a page with status 500. */
export const crash = (method: string): Reply =>
  method === 'GET'
    ? { status: 500, html: '<!DOCTYPE html>\n<html lang="en"><body>Server Error</body></html>\n' }
    : { status: 405, html: '', allow: 'GET, HEAD, OPTIONS' }
export const methodNotAllowed = (method: string): Reply => json(405, { detail: `Method "${method}" not allowed.` })
