import { expect, test } from 'vitest';
import fixtures from './data/fixtures3.json' with { type: 'json' };
import { checkEvent, checkExchange, createContractReport } from './contract.js';

const customer = { ...fixtures.resources.customer, discount: null, shipping: null };
const request = (method: string, path: string, body = '', key = 'sk_test_sandbox') => ({
  method,
  path,
  body,
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded', 'stripe-version': '2026-10-28.endive' },
});
const refusal = { error: { type: 'invalid_request_error', message: 'no' } };

test('a right request with a right answer has no violation', () => {
  expect(checkExchange(request('POST', '/v1/customers', 'name=Ada'), 200, customer)).toEqual({ violations: [], refused: [], objects: 1 });
});

test('an unknown parameter that was accepted is a violation, one that was refused is not', () => {
  const wrong = request('POST', '/v1/payment_intents', 'amount=100&currency=usd&payment_method_types[]=card');
  expect(checkExchange(wrong, 200, customer).violations).toHaveLength(1);
  expect(checkExchange(wrong, 400, refusal)).toMatchObject({ violations: [], refused: [expect.stringContaining('payment_method_types')] });
});

test('a field that is missing, null or made up is a violation, also inside a list, an error or an event', () => {
  const { email: _email, ...absent } = customer;
  const list = { object: 'list', data: [absent, { ...customer, extra: 1 }], has_more: false, url: '/v1/customers' };
  expect(checkExchange(request('GET', '/v1/customers'), 200, list).violations).toHaveLength(2);
  const intent = { object: 'payment_intent', id: 'pi_1' };
  expect(checkExchange(request('GET', '/v1/customers'), 402, { error: { type: 'card_error', message: 'x', payment_intent: intent } }).violations.length).toBeGreaterThan(10);
  const event = { ...fixtures.resources.event, type: 'customer.created', api_version: '2026-10-28.endive', data: { object: { ...customer, email: 7 } } };
  expect(checkEvent(event)).toHaveLength(1);
  expect(checkEvent({ ...event, type: 'customer.exploded', data: { object: customer } })).not.toEqual([]);
});

test('a browser may confirm with its client secret and make payment methods, and no more', () => {
  const confirm = (body: string) => checkExchange(request('POST', '/v1/payment_intents/pi_1/confirm', body, 'pk_test_sandbox'), 200, { object: 'payment_intent', id: 'pi_1' });
  expect(confirm('client_secret=s&payment_method_data[type]=card&payment_method_data[card][number]=4242').violations).toEqual([]);
  expect(confirm('payment_method=pm_1').violations).toEqual([expect.stringContaining('client_secret')]);
  expect(checkExchange(request('GET', '/v1/customers', '', 'pk_test_sandbox'), 200, customer).violations).toHaveLength(1);
  expect(checkExchange(request('POST', '/v1/payment_intents/pi_1/confirm', 'client_secret=s'), 200, null).violations).not.toEqual([]);
});

test('a report counts requests, objects and violations', () => {
  const report = createContractReport();
  report.addExchange(request('GET', '/v1/account'), 200, { object: 'account', id: 'acct_1' });
  report.addExchange(request('GET', '/v1/customers'), null, null);
  report.addEvent({ object: 'event' });
  expect([report.requests, report.objects]).toEqual([2, 2]);
  expect(report.violations.length).toBeGreaterThan(0);
});
