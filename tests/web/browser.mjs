// A person at Debian's Chromium: goes where a person goes, and notes what every page must hold.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium } from 'playwright-core'
import { dev, site } from './world.mjs'

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const OURS = new Set([dev.issuer, dev.identity_services.persons, dev.identity_services.officers, site])
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa']
// UNEFOIS_SHOTS names a folder for pictures of the pages, for people to look at.
const shots = process.env.UNEFOIS_SHOTS

export const launch = () => chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS })

// Someone with a browser of their own.
export class Visitor {
  static async come(chrome, persona, { language = 'fr', ...settings } = {}) {
    const context = await chrome.newContext({ ignoreHTTPSErrors: true, locale: 'fr-CA', ...settings })
    context.setDefaultTimeout(15_000)
    const visitor = new Visitor()
    Object.assign(visitor, { persona, language, context, page: await context.newPage(), strangers: [], broken: [] })
    context.on('request', (request) => {
      const { origin } = new URL(request.url())
      if (!OURS.has(origin)) visitor.strangers.push(origin)
    })
    visitor.page.on('console', (message) => {
      const refused = message.type() === 'error' && !message.text().startsWith('Failed to load resource')
      if (refused) visitor.broken.push(message.text())
    })
    visitor.page.on('response', (response) => visitor.#answered(response))
    if (language === 'en') await visitor.attest()
    return visitor
  }

  // Every page of the broker's comes under a policy that lets no script and nothing inline in; what it loads is there.
  #answered(response) {
    if (!response.url().startsWith(dev.issuer)) return
    if (response.status() >= 400 && response.request().resourceType() !== 'document') this.broken.push(response.url())
    if (!response.headers()['content-type']?.startsWith('text/html')) return
    const policy = response.headers()['content-security-policy'] ?? 'none'
    const strict = policy.includes("default-src 'none'") && policy.includes("frame-ancestors 'none'")
    if (!strict || policy.includes('unsafe') || policy.includes('script-src')) this.broken.push(`policy: ${policy}`)
    if (response.headers()['referrer-policy'] !== 'no-referrer') this.broken.push('referrer policy')
  }

  get h1() {
    return this.page.locator('h1').innerText()
  }

  get path() {
    return new URL(this.page.url()).pathname
  }

  // The gate before English.
  async attest() {
    await this.page.goto(`${dev.issuer}/fr`)
    await this.page.click('a.language')
    await this.press('attest')
    assert.equal(this.path, '/en')
  }

  // Presses the button of a choice.
  async press(value) {
    await this.page.click(`button[value="${value}"]`)
  }

  // From a partner's page to the page that asks something, by way of the identity service. `stop` sees each page.
  async arrive(url, stop = async () => {}) {
    await this.page.goto(String(url))
    await stop('arrivee')
    await this.press('continue')
    await this.signIn(stop)
  }

  async signIn(stop = async () => {}) {
    for (const button of ['persona', 'confirm']) {
      const here = this.page.locator(`button[name="${button}"][value="${this.persona}"]`)
      if (!Object.values(dev.identity_services).includes(new URL(this.page.url()).origin)) return
      if (await here.count()) {
        await stop(`identite-${button}`)
        await here.click()
      }
    }
  }

  // What every page must be, in the light and in the dark, on a narrow screen and on a wide one.
  async inspect(name) {
    const { page } = this
    const faults = await page.evaluate(() => {
      const found = []
      const inline = document.querySelectorAll('style, script, [style]')
      if (inline.length > 0) found.push(`inline: ${inline[0].outerHTML}`)
      const attributes = [...document.querySelectorAll('*')].flatMap((it) => it.getAttributeNames())
      if (attributes.some((it) => it.startsWith('on'))) found.push('a handler')
      if (document.querySelectorAll('h1').length !== 1) found.push('not one h1')
      if (!document.documentElement.lang) found.push('no lang')
      return found
    })
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      const axe = new AxeBuilder({ page }).withTags(WCAG).options({ rules: { 'target-size': { enabled: true } } })
      const { violations } = await axe.setLegacyMode().analyze()
      for (const { id, nodes } of violations) {
        faults.push(`${colorScheme}: ${id}: ${nodes.map((it) => `${it.target} ${it.html}`).join(' ; ')}`)
      }
      await this.#shoot(`${name}-${colorScheme}`)
    }
    await page.emulateMedia({ colorScheme: 'light' })
    const before = page.viewportSize()
    await page.setViewportSize({ width: 320, height: 800 })
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    if (width > 320) faults.push(`scrolls sideways: ${width}`)
    await page.setViewportSize({ width: 360, height: 800 })
    await this.#shoot(`${name}-360`)
    await page.setViewportSize(before)
    assert.deepEqual(faults, [], `${name}: ${this.page.url()}`)
  }

  async #shoot(name) {
    if (!shots) return
    mkdirSync(shots, { recursive: true })
    await this.page.screenshot({ path: `${shots}/${this.language}-${name}.png`, fullPage: true })
  }

  async leave() {
    await this.context.close()
    assert.deepEqual(this.strangers, [], 'requests to others')
    assert.deepEqual(this.broken, [], 'policy and console')
  }
}
