import { auditServer } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Edge, startEdge } from './edge.js';

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());

describe('the published audits of GraphQL over HTTP', () => {
  test('all of them pass', async () => {
    const results = await auditServer({ url: `${edge.url}/graphql` });
    expect(results.length).toBeGreaterThan(60);
    const failed = results.filter(({ status }) => status !== 'ok');
    expect(failed.map(({ id, name, status }) => `${id} ${status}: ${name}`)).toEqual([]);
  });
});
