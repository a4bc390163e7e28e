import { expect, test } from 'vitest';
import { isNodeId } from '../../src/core/node-id.js';
import { statusIn, statusNotIn } from '../../src/core/status-sql.js';

test('an id of ours is a positive integer of 64 bits, written in one way', () => {
  for (const id of ['1', '10', '9223372036854775807']) expect(isNodeId(id), id).toBe(true);
  for (const id of ['', '0', '01', '-1', '1.0', ' 1', '1\n', 'x', '9223372036854775808', '12345678901234567890'])
    expect(isNodeId(id), id).toBe(false);
});

test('statuses are SQL that compares with one, or with several', () => {
  expect(statusIn(['PAID'])).toBe("status = 'PAID'");
  expect(statusIn(['PAID', 'HELD'], 'p.status')).toBe("p.status in ('PAID', 'HELD')");
  expect(statusNotIn(['PAID', 'HELD'])).toBe("status not in ('PAID', 'HELD')");
});
