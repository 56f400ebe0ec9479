/** Why a link that Authentik gave may not be handed on. */
export interface BadLink {
  readonly ok: false
  readonly text: string
}

const withoutSlash = (path: string): string => path.replace(/\/+$/, '')

/**
 * Makes a flow link fit for people. Authentik builds links from the host it was called by: called at an internal address it names that
 * one. Only links to the configured hosts pass, and only below `/if/flow/`.
 * @param link as the API gave it
 * @param publicUrl base URL that people open
 * @param apiUrl base URL that the bot calls
 */
export const publicFlowLink = (link: string, publicUrl: string, apiUrl: string): { readonly ok: true; readonly link: string } | BadLink => {
  const url = URL.parse(link)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return { ok: false, text: 'the link of Authentik is no web address' }
  const known = [publicUrl, apiUrl].map((base) => new URL(base)).find((base) => base.host === url.host)
  if (known === undefined || url.username !== '' || url.password !== '') {
    return {
      ok: false,
      text: `the link of Authentik leads to another host (${url.host}): check authentik.publicUrl and the proxy before Authentik`,
    }
  }
  const prefix = withoutSlash(known.pathname)
  const path = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : url.pathname
  if (!/^\/if\/flow\/[-\w]+\/$/.test(path)) return { ok: false, text: 'the link of Authentik is no link to a flow' }
  return { ok: true, link: withoutSlash(publicUrl) + path + url.search }
}

/**
 * The address that opens an invitation. The API has no field for it; Authentik's own e-mails build it the same way.
 * @param slug slug of the flow, from the API's answer
 * @param pk the invitation
 */
export const invitationLink = (publicUrl: string, slug: string, pk: string): string =>
  `${withoutSlash(publicUrl)}/if/flow/${encodeURIComponent(slug)}/?itoken=${encodeURIComponent(pk)}`
