import { describe, expect, test } from 'vitest'
import type { GateFailure } from '../http/contract.ts'
import { fieldErrors, fromGate } from './errors.ts'

describe('the bodies of a 400', () => {
  test.each<[string, unknown, Record<string, string[]>]>([
    ['by field', { username: ['must be unique', 'too long'] }, { username: ['must be unique', 'too long'] }],
    ['non_field_errors as a list', { non_field_errors: ['no'] }, { non_field_errors: ['no'] }],
    ['non_field_errors as text', { non_field_errors: 'No recovery flow set.' }, { non_field_errors: ['No recovery flow set.'] }],
    ['a bare list', ['filter: failed'], { non_field_errors: ['filter: failed'] }],
    ['nested', { attributes: { a: ['bad'] } }, { 'attributes.a': ['bad'] }],
    ['detail', { detail: 'JSON parse error' }, { detail: ['JSON parse error'] }],
    ['empty', undefined, {}],
    ['numbers and null', { a: 1, b: null }, {}],
  ])('%s', (_name, body, fields) => {
    expect(fieldErrors(body)).toEqual(fields)
  })

  test('a huge body is cut', () => {
    const fields = fieldErrors(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, ['x'.repeat(5_000)]])))
    expect(JSON.stringify(fields).length).toBeLessThan(10_000)
  })
})

describe('failures of the gate', () => {
  const failed = (detail: Record<string, unknown>, untouched = false): GateFailure =>
    ({ ok: false, untouched, method: 'POST', route: 'core/users/create', ms: 1, headers: {}, ...detail }) as GateFailure

  test.each<[string, GateFailure, Record<string, unknown>]>([
    ['JSON 404', failed({ code: 'status', status: 404, body: { detail: 'x' } }, true), { code: 'not-found', changed: 'no' }],
    ['HTML 404', failed({ code: 'status', status: 404, body: undefined }, true), { code: 'malformed', changed: 'no' }],
    ['JSON 405', failed({ code: 'status', status: 405, body: { detail: 'x' } }, true), { code: 'server', changed: 'no' }],
    ['empty 405', failed({ code: 'status', status: 405, body: undefined }, true), { code: 'server', changed: 'maybe' }],
    [
      'other 403',
      failed({ code: 'status', status: 403, body: { detail: 'No permission' } }, true),
      { code: 'no-permission', changed: 'no' },
    ],
    ['415', failed({ code: 'status', status: 415, body: { detail: 'x' } }, true), { code: 'server', changed: 'no' }],
    ['cancelled', failed({ code: 'cancelled' }, true), { code: 'cancelled', changed: 'no' }],
    ['down', failed({ code: 'down', retryAfterMs: 5 }, true), { code: 'down', retryAfterMs: 5, changed: 'no' }],
    ['timeout', failed({ code: 'timeout' }), { code: 'timeout', changed: 'maybe' }],
  ])('%s', (_name, failure, expected) => {
    expect(fromGate(failure)).toMatchObject({ ok: false, text: expect.any(String), ...expected })
  })

  test('the permission text names the call, so that the admin knows which right is missing', () => {
    expect(fromGate(failed({ code: 'status', status: 403, body: { detail: 'x' } }, true)).text).toContain('core/users/create')
  })
})
