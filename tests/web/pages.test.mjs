// Persons and officers at a real browser: with and without JavaScript, in both languages, by keyboard, on small
// screens.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { agency, AIDE_ETUDES, dataRelease, dev, portalSession, push, redeem, release, site } from './world.mjs'
import { Person, putOnFile } from './person.mjs'
import { launch, Visitor } from './browser.mjs'

const CHANGEMENT = dataRelease({
  purpose: 'changement-adresse',
  datatypes: ['identite.nom', 'adresse.ligne', 'adresse.municipalite', 'adresse.code-postal', 'adresse.depuis'],
  recipient: 'saaq',
})
const RESIDENCE = dataRelease({
  purpose: 'residence-municipale',
  datatypes: ['adresse.municipalite'],
  optional_datatypes: ['adresse.depuis'],
  recipient: 'ville-de-val-cendre',
})

let chrome
before(async () => (chrome = await launch()))
after(() => chrome.close())

const come = (persona, settings) => Visitor.come(chrome, persona, settings)

// Where the person came back to, at the partner's.
async function back(visitor, press) {
  const home = new RegExp(`^${site}/[^/]+/retour[?]`)
  const returned = visitor.page.waitForRequest((request) => home.test(request.url()))
  await press()
  return new URL((await returned).url()).searchParams
}

for (const javaScriptEnabled of [true, false]) {
  test(`a person goes the whole way ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const visitor = await come('noe', { javaScriptEnabled })
    const { page } = visitor
    await visitor.arrive(`${site}/portail-fleuve/commencer`)
    await visitor.press('yes')
    for (const kind of ['adresse', 'revenu']) {
      assert.equal(visitor.path, '/fr/brouillon')
      const shown = (await page.locator('main').innerText()).replace(/\s/g, '')
      assert.ok(shown.includes(kind === 'adresse' ? 'Île-aux-Coudres' : '18450'), `the ${kind} is on the page`)
      await visitor.press('yes')
    }
    assert.equal(await visitor.h1, 'C’est fait : déjà au dossier')

    await visitor.arrive(`${site}/afe-demandes/commencer`)
    assert.equal(visitor.path, '/fr/consentement')
    assert.match(await page.locator('header').innerText(), /Session de Noémie D['’]Août-Côté/)
    // A yes without the express tick is not taken, and says what is missing.
    await visitor.press('yes')
    assert.equal(await page.locator('.errors').count(), 1)
    await page.check('input[name="express"]')
    await visitor.press('yes')
    assert.equal(await visitor.h1, 'Aide financière aux études')

    await page.goto(`${dev.issuer}/fr/decisions`)
    const active = page.locator('section', { has: page.locator('#active') }).locator('article')
    assert.match(plain(await active.first().innerText()), /1 communication autorisée/)
    // Two clicks.
    await active.first().locator('a.button').click()
    await visitor.press('withdraw')
    await page.goto(`${dev.issuer}/fr/decisions`)
    assert.equal(await active.count(), 0)
    await visitor.leave()
  })
}

for (const language of ['fr', 'en']) {
  test(`every page holds for everyone (${language}): axe, light and dark, 320 px, nothing inline`, async () => {
    await person(language)
    await officer(language)
  })
}

test('the checks of a page catch what they are for', async () => {
  const visitor = await come('alice')
  const faults = {
    inline: '<p style="color: #000">inline</p>',
    'color-contrast': '<p class="absent"><font color="#999999">pale</font></p>',
    'scrolls sideways': '<pre>' + 'long'.repeat(200) + '</pre>',
    'not one h1': '<h1>Again</h1>',
    label: '<input type="text" name="nameless">',
  }
  for (const [fault, html] of Object.entries(faults)) {
    await visitor.page.goto('about:blank')
    const head = '<!doctype html><html lang="fr"><meta charset="utf-8"><title>Page</title>'
    await visitor.page.setContent(`${head}<main><h1>Page</h1>${html}</main></html>`)
    const name = `temoin-${fault.replaceAll(' ', '-')}`
    await assert.rejects(visitor.inspect(name), (found) => found.message.includes(fault), fault)
  }
  await visitor.page.setContent('<img src="https://elsewhere.example/">')
  assert.deepEqual(visitor.strangers, ['https://elsewhere.example'])
  // On a page of the broker's the policy stops it before it is asked for.
  await visitor.page.goto(`${dev.issuer}/fr`)
  await visitor.page.evaluate(() => fetch('https://elsewhere.example/').catch(() => {}))
  assert.equal(visitor.strangers.length, 1)
  assert.ok(visitor.broken.some((it) => it.includes('Content Security Policy')))
  await visitor.context.close()
})

async function person(language) {
  const visitor = await come('alice', { language })
  const { page } = visitor
  const stop = (name) => visitor.inspect(name)
  const at = (path) => assert.equal(visitor.path, `/${language}/${path}`)

  await page.goto(`${dev.issuer}/${language}`)
  await stop('accueil')
  await visitor.arrive(`${site}/portail-fleuve/commencer`, stop)
  at('portail')
  await stop('portail')
  await visitor.press('yes')
  at('brouillon')
  await stop('brouillon')
  await visitor.press('yes')
  await visitor.press('yes')

  for (const [name, url] of [['simple', 'saaq-adresses'], ['sensible', 'afe-demandes']]) {
    await visitor.arrive(`${site}/${url}/commencer`, (page) => stop(`${page}-${name}`))
    at('consentement')
    await stop(`consentement-${name}`)
    await visitor.press('yes')
  }
  await stop('consentement-erreur')
  await page.check('input[name="express"]')
  await visitor.press('yes')
  const pushed = await push(await agency('val-cendre-residents'), RESIDENCE)
  await visitor.arrive(pushed.url)
  await stop('consentement-facultatif')
  await visitor.press('no')

  await page.goto(`${dev.issuer}/${language}/decisions`)
  await page.evaluate(() => document.querySelectorAll('details').forEach((it) => (it.open = true)))
  await stop('decisions')
  await page.locator('article a.button').first().click()
  await stop('retrait')
  await visitor.press('withdraw')
  await stop('retrait-fait')
  await page.goto(`${dev.issuer}/fr/english?vers=decisions`)
  await stop('attestation')
  const ends = { correctif: '/problems/denied', introuvable: '/rien', 'lien-expire': '/confirm/rien' }
  for (const [name, path] of Object.entries(ends)) {
    await page.goto(dev.issuer + path)
    await stop(name)
  }
  await page.goto(`${dev.issuer}/${language}`)
  await page.click('form.session button')
  await stop('session-fermee')
  await visitor.leave()
}

async function officer(language) {
  const visitor = await come('odile-brossard', { language })
  const { page } = visitor
  const stop = (name) => visitor.inspect(name)
  await page.goto(`${dev.issuer}/${language}/registre`)
  await visitor.signIn(stop)
  assert.equal(visitor.path, `/${language}/registre`)
  await stop('recherche')
  await page.click('form.search button[type="submit"]')
  await stop('recherche-erreur')
  await page.fill('#reason', 'Vérification trimestrielle')
  await page.click('form.search button[type="submit"]')
  await stop('recherche-resultats')
  await page.fill('#reason', 'Vérification trimestrielle')
  await page.selectOption('#event', 'release')
  await page.click('form.search button[type="submit"]')
  await page.locator('button[name="entry"]').first().click()
  await stop('inscription')
  await visitor.leave()

  const clerk = await come('sans-delegation', { language })
  await clerk.page.goto(`${dev.issuer}/${language}/registre`)
  await clerk.signIn()
  await clerk.page.fill('#reason', 'Curiosité')
  await clerk.page.click('form.search button[type="submit"]')
  await clerk.inspect('sans-delegation')
  assert.equal(await clerk.page.locator('button[name="entry"]').count(), 0)
  await clerk.context.close()
}

test('an officer’s refusals open with their sections, and the proof comes as a file', async () => {
  const alice = new Person('alice')
  await putOnFile(alice)
  const saaq = await agency('saaq-adresses')
  const beyond = dataRelease({ purpose: 'changement-adresse', datatypes: ['revenu.annuel'], recipient: 'saaq' })
  await assert.rejects(push(saaq, beyond), { error: 'invalid_authorization_details' })
  const visitor = await come('odile-brossard')
  const { page } = visitor
  await page.goto(`${dev.issuer}/fr/registre`)
  await visitor.signIn()
  await page.fill('#reason', 'Refus du jour')
  await page.selectOption('#event', 'refusal')
  await page.click('form.search button[type="submit"]')
  await page.locator('button[name="entry"]').first().click()
  assert.match(plain(await page.locator('main').innerText()), /A-2\.1|Loi sur l’accès/)
  await visitor.inspect('inscription-refus')
  const download = page.waitForEvent('download')
  await page.click('a[href*="/registre/"]')
  assert.match((await download).suggestedFilename(), /^entree-\d+\.tlog-proof$/)
  await visitor.leave()
})

test('both answers look the same, wherever one is asked for', async () => {
  const visitor = await come('luc-14')
  const { page } = visitor
  const same = async (where) => {
    const looks = await page.$$eval('.choices button', (buttons) =>
      buttons.map((it) => {
        const { width, height } = it.getBoundingClientRect()
        const style = getComputedStyle(it)
        const names = ['font', 'color', 'background', 'border', 'padding', 'margin', 'boxShadow', 'opacity', 'cursor']
        const look = Object.fromEntries(names.map((name) => [name, style[name]]))
        return { width, height, tabIndex: it.tabIndex, disabled: it.disabled, ...look }
      }),
    )
    assert.equal(looks.length, 2, where)
    assert.deepEqual(looks[0], looks[1], where)
  }
  const everywhere = async (where) => {
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 })
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme })
        await same(`${where}, ${width}, ${colorScheme}`)
      }
    }
  }
  await visitor.arrive(`${site}/portail-fleuve/commencer`, async (where) => {
    if (where === 'arrivee') await everywhere(where)
  })
  await everywhere('session')
  await visitor.press('yes')
  await everywhere('draft')
  await visitor.press('yes')
  await visitor.press('yes')
  await visitor.arrive(`${site}/saaq-adresses/commencer`)
  await everywhere('consent')
  await visitor.press('yes')
  await page.goto(`${dev.issuer}/fr/decisions`)
  await page.locator('article a.button').first().click()
  await everywhere('withdraw')
  await page.goto(`${dev.issuer}/fr/english`)
  await everywhere('attestation')
  await visitor.leave()
})

test('who refuses everything does it in one step each, and the partner is told no more than that', async () => {
  const visitor = await come('refuse')
  const asks = [
    ['saaq-adresses', CHANGEMENT],
    ['afe-demandes', AIDE_ETUDES],
    ['portail-fleuve', portalSession({ checks: ['adresse'] })],
  ]
  for (const [id, details] of asks) {
    const pushed = await push(await agency(id), details)
    await visitor.arrive(pushed.url)
    assert.equal(await visitor.page.locator('input:checked').count(), 0, 'nothing is chosen beforehand')
    const told = await back(visitor, () => visitor.press('no'))
    assert.deepEqual(Object.fromEntries(told), { error: 'access_denied', state: pushed.state, iss: dev.issuer })
  }
  await visitor.page.goto(`${dev.issuer}/fr/decisions`)
  const refused = visitor.page.locator('section', { has: visitor.page.locator('#refused') })
  assert.equal(await refused.locator('article').count(), 2)
  await visitor.inspect('decisions-refusees')
  await visitor.leave()
})

test('who leaves at the door is back without a sign-in', async () => {
  const visitor = await come('refuse')
  const pushed = await push(await agency('saaq-adresses'), CHANGEMENT)
  await visitor.page.goto(String(pushed.url))
  const told = await back(visitor, () => visitor.press('leave'))
  assert.deepEqual(Object.fromEntries(told), { error: 'access_denied', state: pushed.state, iss: dev.issuer })
  await visitor.leave()
})

test('the whole consent can be given by keyboard', async () => {
  await putOnFile(new Person('alice'))
  const visitor = await come('alice')
  const { page } = visitor
  const pushed = await push(await agency('afe-demandes'), AIDE_ETUDES)
  const focused = () => page.evaluate(() => [document.activeElement.name, document.activeElement.value].join('='))
  // Tabs to a control; each stop on the way shows where one is.
  const tabTo = async (wanted) => {
    for (let tabs = 0; tabs < 80; tabs += 1) {
      await page.keyboard.press('Tab')
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth)
      assert.notEqual(outline, '0px', 'focus is seen')
      if ((await focused()) === wanted) return
    }
    assert.fail(`no way to ${wanted}`)
  }
  await page.goto(String(pushed.url))
  await tabTo('choice=continue')
  await page.keyboard.press('Enter')
  for (const name of ['persona', 'confirm']) {
    await page.waitForSelector(`button[name="${name}"]`)
    await tabTo(`${name}=alice`)
    await page.keyboard.press('Enter')
  }
  await page.waitForURL('**/fr/consentement')
  await tabTo('express=revenu.annuel')
  await page.keyboard.press('Space')
  // Enter in a box decides nothing: the question is asked again, as it was answered so far.
  const [again] = await Promise.all([page.waitForResponse(/\/consentement$/), page.keyboard.press('Enter')])
  assert.equal(again.status(), 200)
  assert.ok(await page.isChecked('input[name="express"]'))
  assert.equal(await page.locator('.errors').count(), 0)
  await tabTo('express=revenu.annuel')
  await page.keyboard.press('Tab')
  assert.equal(await focused(), 'choice=yes')
  const told = await back(visitor, () => page.keyboard.press('Enter'))
  assert.ok(told.get('code'))
  await visitor.leave()
})

test('at 13 nobody decides alone; a parent decides for the child', async () => {
  const zoe = await come('zoe-13')
  await zoe.arrive((await push(await agency('saaq-adresses'), CHANGEMENT)).url)
  assert.match(plain(await zoe.page.locator('main').innerText()), /14 ans/)
  assert.equal(await zoe.page.locator('button[value="yes"]').count(), 0)
  await zoe.inspect('trop-jeune')
  const told = await back(zoe, () => zoe.press('leave'))
  assert.equal(told.get('error'), 'access_denied')
  await zoe.context.close()

  const parent = await come('parent-13')
  await parent.arrive(`${site}/portail-fleuve/commencer`)
  assert.equal(parent.path, '/fr/pour-qui')
  await parent.inspect('pour-qui')
  await parent.page.click('button:has-text("Florence Gagnon")')
  for (let i = 0; i < 3; i += 1) {
    assert.match(plain(await parent.page.locator('header').innerText()), /Vous agissez pour : Florence Gagnon/)
    await parent.press('yes')
  }
  await parent.arrive(`${site}/afe-demandes/commencer`)
  if (parent.path === '/fr/pour-qui') await parent.page.click('button:has-text("Florence Gagnon")')
  const acting = /Florence Gagnon, à titre de titulaire de l’autorité parentale/
  assert.match(plain(await parent.page.locator('main').innerText()), acting)
  await parent.inspect('consentement-parent')
  await parent.page.check('input[name="express"]')
  await parent.press('yes')
  assert.match(plain(await parent.page.locator('main').innerText()), /18450/)
  await parent.leave()
})

test('who lacks what is needed is told what, and where to file it', async () => {
  const visitor = await come('refuse')
  await visitor.arrive((await push(await agency('afe-demandes'), AIDE_ETUDES)).url)
  assert.match(plain(await visitor.page.locator('main').innerText()), /Revenu annuel.*Vous pouvez le déposer à partir de/)
  assert.equal(await visitor.page.locator('button[value="yes"]').count(), 0)
  await visitor.inspect('consentement-impossible')
  assert.equal((await back(visitor, () => visitor.press('leave'))).get('error'), 'access_denied')
  await visitor.leave()
})

test('at 14 one decides alone, and a parent may too', async () => {
  const luc = await come('luc-14')
  await luc.arrive((await push(await agency('saaq-adresses'), CHANGEMENT)).url)
  assert.equal(luc.path, '/fr/consentement')
  await luc.leave()
  const parent = await come('parent-14')
  await parent.arrive((await push(await agency('saaq-adresses'), CHANGEMENT)).url)
  assert.equal(parent.path, '/fr/pour-qui')
  assert.match(plain(await parent.page.locator('main').innerText()), /Moi-même.*Thomas Roy/)
  await parent.page.click('button:has-text("Thomas Roy")')
  assert.equal(parent.path, '/fr/consentement')
  assert.match(plain(await parent.page.locator('main').innerText()), /Thomas Roy/)
  await parent.leave()
})

test('an enterprise authorises, and never consents', async () => {
  const visitor = await come('sirop')
  await visitor.arrive(`${site}/portail-fleuve/commencer`)
  await visitor.page.click('button:has-text("Sirop du Fjord inc.")')
  for (let i = 0; i < 3; i += 1) await visitor.press('yes')
  const saaq = await agency('saaq-adresses')
  const pushed = await push(saaq, CHANGEMENT)
  await visitor.arrive(pushed.url)
  const shown = plain(await visitor.page.locator('body').innerText())
  await visitor.inspect('autorisation-entreprise')
  assert.match(shown, /autoris/)
  assert.doesNotMatch(shown, /consent|53\.1/i)
  const told = await back(visitor, () => visitor.press('yes'))
  const token = await redeem(saaq, pushed, new URL(`${saaq.redirect_uri}?${told}`))
  const released = await release(saaq, token, crypto.randomUUID(), { attributes: ['identite.nom'] })
  assert.equal(released.status, 200, JSON.stringify(released.body))
  const { basis, values } = decodeJwt(released.body.data_token)
  assert.equal(values['identite.nom'].value, 'Sirop du Fjord inc.')
  assert.doesNotMatch(JSON.stringify(basis.citations), /53\.1/)
  await visitor.leave()
})

function plain(text) {
  return text.replace(/[\s\u00a0\u202f]+/g, ' ')
}
