// A person with the smallest of browsers: cookies, redirects, forms as their pages write them. No script runs in it.
import assert from 'node:assert/strict'
import { ADRESSE, REVENU, agency, call, dev, portalSession, push, redeem, site } from './world.mjs'

export class Person {
  #cookies = new Map()

  constructor(persona) {
    this.persona = persona
  }

  // Opens an address; comes to a page, or back at a partner's address.
  async open(url, form) {
    for (let hops = 0; hops < 12; hops += 1) {
      url = new URL(url)
      if (url.origin === site) return { back: url }
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const method = form ? 'POST' : 'GET'
      const answer = await fetch(url, { method, body: form, headers: { cookie }, redirect: 'manual' })
      for (const set of answer.headers.getSetCookie()) {
        const [name, value] = set.split(';')[0].split(/=(.*)/s)
        this.#cookies.set(name, value)
      }
      const html = await answer.text()
      if (answer.status < 300 || answer.status >= 400) return { url, status: answer.status, html, h1: heading(html) }
      if (answer.status !== 303) throw new Error(`${url.pathname} redirects with ${answer.status}`)
      url = new URL(answer.headers.get('location'), url)
      form = undefined
    }
    throw new Error('too many redirects')
  }

  // Presses a button of a page, by its name and value, with boxes ticked and fields filled.
  press(page, name, value, filled = []) {
    for (const [, attributes, inner] of page.html.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)) {
      const buttons = [...inner.matchAll(/<button([^>]*)>/g)].map(([, it]) => it)
      if (!buttons.some((it) => attribute(it, 'name') === name && attribute(it, 'value') === value)) continue
      const form = new URLSearchParams()
      for (const [, input] of inner.matchAll(/<input([^>]*)>/g)) {
        if (attribute(input, 'type') === 'hidden') form.append(attribute(input, 'name'), attribute(input, 'value'))
      }
      for (const field of [...filled, [name, value]]) form.append(...field)
      return this.open(new URL(attribute(attributes, 'action') ?? '', page.url), form)
    }
    throw new Error(`« ${page.h1} » has no button ${name}=${value}`)
  }

  // Goes through the identity service: it asks who, or whether it is still them, or both.
  async signIn(page) {
    while (page.url?.origin === dev.identity_services.persons) {
      page = await this.press(page, page.html.includes('name="confirm"') ? 'confirm' : 'persona', this.persona)
    }
    return page
  }

  // From a partner's address to the page that asks something.
  async arrive(url) {
    const arrival = await this.open(url)
    return this.signIn(await this.press(arrival, 'choice', 'continue'))
  }
}

// The portal's part: both records confirmed by the person. Gives the portal's client and token.
export async function putOnFile(person) {
  const portal = await agency('portail-fleuve')
  const pushed = await push(portal, portalSession({ checks: ['adresse', 'revenu'], drafts: ['adresse', 'revenu'] }))
  const session = await person.arrive(pushed.url)
  const { back } = await person.press(session, 'choice', 'yes')
  const token = await redeem(portal, pushed, back)
  for (const [kind, values] of Object.entries({ adresse: ADRESSE, revenu: REVENU })) {
    const body = { values, redirect_uri: portal.redirect_uri, state: `brouillon-${kind}` }
    const drafted = await call(portal, token, 'PUT', `/v1/records/${kind}`, body)
    assert.equal(drafted.status, 201, JSON.stringify(drafted.body))
    const page = await person.open(drafted.body.confirm_uri)
    const { back } = await person.press(page, 'choice', 'yes')
    assert.equal(back.searchParams.get('result'), 'done')
    assert.equal(back.searchParams.get('state'), `brouillon-${kind}`)
  }
  return { portal, token }
}

export const text = (html) => unescape(html.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ')

function heading(html) {
  return text(/<h1[^>]*>(.*?)<\/h1>/s.exec(html)?.[1] ?? '').trim()
}

function attribute(tag, name) {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)
  return found === null ? undefined : unescape(found[1])
}

function unescape(html) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }
  return html.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) =>
    name ? (named[name] ?? all) : String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16)),
  )
}
