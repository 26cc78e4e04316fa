// An agency and a portal built on libraries that this project did not write: openid-client and oauth4webapi for the
// protocol, jose for the token, node:crypto for the proof.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import { compactDecrypt, createRemoteJWKSet, importJWK, jwtVerify, calculateJwkThumbprint, exportJWK } from 'jose'
import { AIDE_ETUDES, agency, call, dataRelease, dev, portalSession, push, redeem, release } from './world.mjs'
import { Person, putOnFile, text } from './person.mjs'
import { checkEntry, checkProof } from './proof.mjs'

const get = async (path) => (await fetch(dev.issuer + path)).text()

async function consentTo(person, who, details) {
  const pushed = await push(who, details)
  const page = await person.arrive(pushed.url)
  const { back } = await person.press(page, 'choice', 'yes')
  return redeem(who, pushed, back)
}

// Opens and verifies a data token as the body would. Gives its claims.
async function verified(dataToken, audience = 'afe') {
  const key = await importJWK(dev.encryption_keys.afe, 'ECDH-ES')
  const { plaintext, protectedHeader } = await compactDecrypt(dataToken, key, {
    keyManagementAlgorithms: ['ECDH-ES'],
    contentEncryptionAlgorithms: ['A256GCM'],
  })
  assert.equal(protectedHeader.cty, 'JWT')
  const { payload } = await jwtVerify(plaintext, createRemoteJWKSet(new URL(`${dev.issuer}/jwks`)), {
    issuer: dev.issuer,
    audience,
    typ: 'data-release+jwt',
    algorithms: ['ES256'],
    requiredClaims: ['jti', 'sub', 'exp', 'iat'],
  })
  return payload
}

test('the resource’s metadata leads to the authorization server’s', async () => {
  for (const path of ['/v1', '/v1/records']) {
    const resource = new URL(dev.issuer + path)
    const answer = await oauth.resourceDiscoveryRequest(resource)
    const metadata = await oauth.processResourceDiscoveryResponse(resource, answer)
    assert.deepEqual(metadata.authorization_servers, [dev.issuer])
    assert.equal(metadata.dpop_bound_access_tokens_required, true)
  }
  const issuer = new URL(dev.issuer)
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' })
  const server = await oauth.processDiscoveryResponse(issuer, found)
  assert.equal(server.require_pushed_authorization_requests, true)
  for (const type of server.authorization_details_types_supported) {
    assert.equal((await (await fetch(`${type}.json`)).json()).properties.type.const, type)
  }
})

test('a call without a token is told where to get one', async () => {
  const answer = await fetch(`${dev.issuer}/v1/releases`, { method: 'POST' })
  assert.equal(answer.status, 401)
  const challenge = answer.headers.get('www-authenticate')
  const metadata = /resource_metadata="([^"]+)"/.exec(challenge)[1]
  const resource = new URL(`${dev.issuer}/v1`)
  await oauth.processResourceDiscoveryResponse(resource, await fetch(metadata))
})

test('a portal gets drafts confirmed once, then need not ask again', async () => {
  const person = new Person('alice')
  const { portal, token } = await putOnFile(person)
  const check = await call(portal, token, 'GET', '/v1/records')
  assert.equal(check.status, 200)
  assert.deepEqual(check.body.records.map((it) => it.on_file), [true, true])
  assert.ok(!JSON.stringify(check.body).includes('Val-Cendre'), 'the portal gets no values')
})

test('a portal learns of a person who leaves nothing but that', async () => {
  const person = new Person('luc-14')
  const portal = await agency('portail-fleuve')
  const pushed = await push(portal, portalSession({ drafts: ['adresse'] }))
  const { back } = await person.press(await person.arrive(pushed.url), 'choice', 'no')
  await assert.rejects(redeem(portal, pushed, back), { error: 'access_denied' })
})

test('an agency gets a data token, opens it, verifies it and proves its entry', async (t) => {
  const person = new Person('noe')
  await putOnFile(person)
  const afe = await agency('afe-demandes')

  const pushed = await push(afe, AIDE_ETUDES)
  const page = await person.arrive(pushed.url)
  for (const shown of ['18\u202f450', '2025', 'AFE-2026-000123']) {
    assert.match(text(page.html).replace(/[\u00a0\u202f ]/g, ''), new RegExp(shown.replace(/[\u00a0\u202f ]/g, '')))
  }
  const { back } = await person.press(page, 'choice', 'yes', [['express', 'revenu.annuel']])
  const token = await redeem(afe, pushed, back)
  assert.equal(token.token_type, 'dpop')
  await assert.rejects(redeem(afe, pushed, back), { error: 'invalid_grant' })

  const key = crypto.randomUUID()
  const released = await release(afe, token, key)
  assert.equal(released.status, 200, JSON.stringify(released.body))
  const claims = await verified(released.body.data_token)
  assert.deepEqual(Object.keys(claims.values).sort(), ['revenu.annee', 'revenu.annuel'])
  assert.equal(claims.values['revenu.annuel'].value, 18450)
  assert.equal(claims.cnf.jkt, await calculateJwkThumbprint(await exportJWK(afe.pair.publicKey)))
  const dated = claims.basis.citations.every((it) => it.cite && (it.read || it.to_confirm))
  assert.ok(dated, 'sections, each with the consolidation read, or still to be confirmed')

  const vkey = await get('/log/vkey')
  const entry = checkProof(released.body.proof, vkey)
  checkEntry(claims, entry)
  assert.deepEqual(entry.act.attributes, ['revenu.annee', 'revenu.annuel'])
  assert.equal(entry.act.receiving, 'afe')

  await t.test('a retry redelivers the same claims under an entry of its own', async () => {
    const again = await release(afe, token, key)
    assert.equal(again.status, 200)
    assert.equal(again.body.release_id, released.body.release_id)
    const { log, ...same } = await verified(again.body.data_token)
    const { log: before, ...first } = claims
    assert.deepEqual(same, first)
    const redelivery = checkProof(again.body.proof, vkey)
    checkEntry({ ...same, log }, redelivery)
    assert.equal(redelivery.act.event, 'redelivery')
    assert.notEqual(log.index, before.index)
  })

  await t.test('the check of a proof fails on anything altered', () => {
    const { proof } = released.body
    const lines = proof.split('\n')
    const altered = (line, change) => lines.map((it, at) => (at === line ? change(it) : it)).join('\n')
    const flip = (base64) => {
      const bytes = Buffer.from(base64, 'base64')
      bytes[bytes.length - 1] ^= 1
      return bytes.toString('base64')
    }
    const blank = lines.indexOf('')
    const root = blank + 3
    assert.throws(() => checkProof(altered(1, (it) => `extra ${flip(it.slice(6))}`), vkey), /not the one committed to/)
    const elsewhere = () => `index ${entry.index - 1}`
    assert.throws(() => checkProof(altered(2, elsewhere), vkey), /not under the signed root|path/)
    assert.throws(() => checkProof(altered(3, flip), vkey), /not under the signed root/)
    assert.throws(() => checkProof(altered(root, flip), vkey), /not signed by the log/)
    assert.throws(() => checkEntry({ ...claims, values: {} }, entry), /other claims/)
    assert.throws(() => checkEntry({ ...claims, log: { ...claims.log, index: 0 } }, entry), /another entry/)
  })

  await t.test('an ask beyond the consent is a problem with sections, a mend, and a page that says more', async () => {
    const beyond = await release(afe, token, crypto.randomUUID(), { attributes: ['adresse.ligne'] })
    assert.equal(beyond.status, 403)
    assert.match(beyond.type, /^application\/problem\+json/)
    assert.equal(beyond.body.status, 403)
    assert.ok(beyond.body.reasons[0].citations[0].cite)
    assert.ok(beyond.body.reasons[0].mend_fr && beyond.body.reasons[0].mend_en)
    const page = await fetch(beyond.body.type)
    assert.equal(page.status, 200)
    assert.match(await page.text(), new RegExp('denied'))
  })

  await t.test('another client’s key does not carry the token', async () => {
    const thief = await agency('afe-demandes')
    await assert.rejects(release(thief, token, crypto.randomUUID()), (fault) => {
      assert.equal(fault.code, 'OAUTH_WWW_AUTHENTICATE_CHALLENGE')
      assert.equal(fault.status, 401)
      return true
    })
  })

  await t.test('after the withdrawal there is no release, and no redelivery', async () => {
    const [{ consent_id }] = token.authorization_details
    const page = await person.open(`${dev.issuer}/fr/decisions/${consent_id}`)
    const done = await person.press(page, 'choice', 'withdraw')
    assert.equal(done.status, 200)
    for (const name of [key, crypto.randomUUID()]) {
      const refused = await release(afe, token, name)
      assert.equal(refused.status, 403)
      assert.equal(refused.body.data_token, undefined)
      assert.equal(refused.body.reasons.length, 1, 'what rests on the person is told as one')
    }
  })
})

test('overreach is refused when it is pushed, and says why', async () => {
  const saaq = await agency('saaq-adresses')
  const datatypes = ['adresse.ligne', 'revenu.annuel']
  const asked = dataRelease({ purpose: 'changement-adresse', datatypes, recipient: 'saaq' })
  await assert.rejects(push(saaq, asked), (fault) => {
    assert.equal(fault.error, 'invalid_authorization_details')
    assert.match(fault.error_description, /\[.+\]/)
    assert.ok(fault.cause.reasons[0].citations[0].cite)
    return true
  })
})

test('a token that is not sensitive comes signed, in the clear, to a body without an encryption key', async () => {
  const person = new Person('alice')
  await putOnFile(person)
  const saaq = await agency('saaq-adresses')
  const datatypes = ['identite.nom', 'adresse.ligne', 'adresse.municipalite', 'adresse.code-postal', 'adresse.depuis']
  const asked = dataRelease({ purpose: 'changement-adresse', datatypes, recipient: 'saaq' })
  const token = await consentTo(person, saaq, asked)
  const released = await release(saaq, token, crypto.randomUUID())
  assert.equal(released.status, 200, JSON.stringify(released.body))
  const keys = createRemoteJWKSet(new URL(`${dev.issuer}/jwks`))
  const options = { issuer: dev.issuer, audience: 'saaq', typ: 'data-release+jwt' }
  const { payload } = await jwtVerify(released.body.data_token, keys, options)
  assert.equal(payload.values['identite.nom'].value, 'Alice Tremblay')
  checkEntry(payload, checkProof(released.body.proof, await get('/log/vkey')))

  // Once, says the purpose.
  const second = await release(saaq, token, crypto.randomUUID())
  assert.equal(second.status, 403)
})
