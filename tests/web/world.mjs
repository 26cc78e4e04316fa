// What a partner is told about a trial environment, and the clients that it would build on it.
import { readFileSync } from 'node:fs'
import * as client from 'openid-client'
import { importJWK } from 'jose'

// tests/web/run.sh starts the environment and trusts its authority (NODE_EXTRA_CA_CERTS).
export const dev = JSON.parse(readFileSync(process.env.UNEFOIS_DEV, 'utf8'))
export const site = new URL(dev.clients[0].redirect_uri).origin

// A client knows its own key, its redirect URI and the issuer; it discovers the rest.
export async function agency(id) {
  const { jwk, redirect_uri } = dev.clients.find((it) => it.client_id === id)
  const key = await importJWK(jwk, 'ES256')
  const auth = client.PrivateKeyJwt(jwk.kid ? { key, kid: jwk.kid } : key)
  const config = await client.discovery(new URL(dev.issuer), id, undefined, auth, { algorithm: 'oauth2' })
  const pair = await client.randomDPoPKeyPair('ES256')
  return { id, config, redirect_uri, pair, DPoP: client.getDPoPHandle(config, pair) }
}

export const dataRelease = (members) => [{ type: `${dev.issuer}/types/data-release/v1`, ...members }]
export const portalSession = (members) => [{ type: `${dev.issuer}/types/portal-session/v1`, ...members }]

export const AIDE_ETUDES = dataRelease({
  purpose: 'aide-etudes',
  datatypes: ['revenu.annuel', 'revenu.annee'],
  recipient: 'afe',
  case_ref: 'AFE-2026-000123',
})
export const ADRESSE = {
  ligne: '12, rue de l’Île-aux-Coudres',
  municipalite: 'Val-Cendre',
  'code-postal': 'G1A 1A1',
  depuis: '2024-07-01',
}
export const REVENU = { annuel: 18450, annee: 2025 }

// Pushes a request. What comes back is where to send the person, and what redeems the code.
export async function push(who, details) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const parameters = {
    redirect_uri: who.redirect_uri,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    authorization_details: JSON.stringify(details),
  }
  const url = await client.buildAuthorizationUrlWithPAR(who.config, parameters, { DPoP: who.DPoP })
  return { url, state, verifier }
}

// Redeems the code in the URL that the person came back with; the library checks state and iss.
export function redeem(who, pushed, back) {
  const checks = { pkceCodeVerifier: pushed.verifier, expectedState: pushed.state }
  return client.authorizationCodeGrant(who.config, back, checks, undefined, { DPoP: who.DPoP })
}

// A call with the token, and what came back.
export async function call(who, token, method, path, body, headers = {}) {
  const url = new URL(dev.issuer + path)
  const text = body === undefined ? undefined : JSON.stringify(body)
  const sent = new Headers({ 'content-type': 'application/json', ...headers })
  const answer = await client.fetchProtectedResource(who.config, token.access_token, url, method, text, sent, {
    DPoP: who.DPoP,
  })
  return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.json() }
}

// One data token.
export function release(who, token, key, members = {}) {
  const [{ consent_id, purpose, datatypes }] = token.authorization_details
  const ask = { consent_id, purpose, attributes: datatypes, ...members }
  return call(who, token, 'POST', '/v1/releases', ask, { 'idempotency-key': key })
}
