// An entry proof checked from the log's published formats (src/ledger/FORMAT.md, C2SP tlog-proof, tlog-checkpoint and
// signed-note, RFC 6962), with node:crypto alone.
import { createHash, createHmac, createPublicKey, verify } from 'node:crypto'

const LEAF = 128
const BLIND = 32

// Checks that the log with this verifier key has the entry. Gives its index and its act, with the time it was entered.
export function checkProof(text, vkey) {
  const [head, ...rest] = text.split('\n\n')
  const note = rest.join('\n\n')
  const [magic, extraLine, indexLine, ...hashes] = head.split('\n')
  if (magic !== 'c2sp.org/tlog-proof@v1') throw new Error('not a proof')
  const extra = Buffer.from(after(extraLine, 'extra '), 'base64')
  const index = Number(after(indexLine, 'index '))
  const leaf = extra.subarray(0, LEAF)
  const { origin, size, root } = checkpoint(note, vkey)
  const found = climb(hash(Buffer.of(0), leaf), index, size, hashes.map((it) => Buffer.from(it, 'base64')))
  if (!found.equals(root)) throw new Error('the entry is not under the signed root')
  if (leaf[0] !== 1) throw new Error('unknown version')
  const [blind, payload] = [extra.subarray(LEAF, LEAF + BLIND), extra.subarray(LEAF + BLIND)]
  const act = extra.length > LEAF ? open(leaf, blind, payload) : undefined
  return { origin, index, size, act, at: Number(leaf.readBigUInt64BE(4)) }
}

// Checks that an entry is the one that a data token's claims were fixed in.
export function checkEntry(claims, entry) {
  const { log, ...digested } = claims
  const digest = createHash('sha256').update(canonical(digested)).digest('base64url')
  if (!['release', 'redelivery'].includes(entry.act?.event)) throw new Error('the entry is no release')
  if (entry.act.claims !== digest) throw new Error('the entry is about other claims')
  if (entry.act.jti !== claims.jti) throw new Error('the entry is about another token')
  if (entry.act.recipient_key !== claims.cnf.jkt) throw new Error('the entry is about another key')
  if (log.index !== entry.index || log.origin !== entry.origin) throw new Error('the token names another entry')
}

// RFC 8785, for what the log holds: integers, no other numbers.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value === null || typeof value !== 'object') {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new Error('not an integer')
    return JSON.stringify(value)
  }
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)
  return `{${members.join()}}`
}

function open(leaf, blind, payload) {
  const commitment = createHmac('sha256', blind).update('unefois/act/v1\n').update(leaf.subarray(1, 2)).update(payload)
  if (!commitment.digest().equals(leaf.subarray(12, 44))) throw new Error('the act is not the one committed to')
  return JSON.parse(payload)
}

function checkpoint(note, vkey) {
  const [name, id, key] = vkey.trim().split(/\+(?=[0-9a-f]{8}\+)|(?<=\+[0-9a-f]{8})\+/)
  const raw = Buffer.from(key, 'base64')
  const hint = createHash('sha256').update(`${name}\n`).update(raw).digest().subarray(0, 4)
  if (raw[0] !== 1 || raw.length !== 33 || hint.toString('hex') !== id) throw new Error('bad verifier key')
  const [body, signatures] = note.split('\n\n')
  const signature = signatures.split('\n').find((line) => line.startsWith(`\u2014 ${name} `))
  const signed = Buffer.from(after(signature, `\u2014 ${name} `), 'base64')
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.subarray(1).toString('base64url') }
  const good = verify(null, Buffer.from(`${body}\n`), createPublicKey({ key: jwk, format: 'jwk' }), signed.subarray(4))
  if (!good || !signed.subarray(0, 4).equals(hint)) throw new Error('the checkpoint is not signed by the log')
  const [origin, size, root] = body.split('\n')
  if (origin !== name) throw new Error('another log')
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') }
}

// RFC 9162, 2.1.3.2.
function climb(leaf, index, size, path) {
  if (!(index < size)) throw new Error('no such entry')
  let [node, last, here] = [leaf, size - 1, index]
  for (const sibling of path) {
    if (last === 0) throw new Error('the path is too long')
    if (here % 2 === 1 || here === last) {
      node = hash(Buffer.of(1), sibling, node)
      while (here % 2 === 0 && here !== 0) [here, last] = [here / 2, Math.floor(last / 2)]
    } else {
      node = hash(Buffer.of(1), node, sibling)
    }
    ;[here, last] = [Math.floor(here / 2), Math.floor(last / 2)]
  }
  if (last !== 0) throw new Error('the path is too short')
  return node
}

function hash(...parts) {
  return parts.reduce((all, part) => all.update(part), createHash('sha256')).digest()
}

function after(line, prefix) {
  if (!line?.startsWith(prefix)) throw new Error(`${prefix.trim()} is missing`)
  return line.slice(prefix.length)
}
