import type { GraphQLSchema } from 'graphql';
import { defineActivation } from './activation.js';
import { defineAudit } from './audit.js';
import { type Builder, createBuilder, type Once } from './builder.js';
import { defineConsoleSession } from './console-session.js';
import { defineDoctor } from './doctor.js';
import { defineEffects } from './effect.js';
import { defineNode, type NodeKind } from './node.js';
import { definePageInfo } from './page.js';
import { definePlan } from './plan.js';
import { defineProblems } from './problems.js';
import { defineRole } from './role.js';
import { defineScalars } from './scalars.js';
import { defineSettings } from './settings.js';
import { defineSetup } from './setup.js';
import { defineTimeline } from './timeline.js';
import { defineViewer } from './viewer.js';
import { defineWebhookEvent } from './webhook-event.js';

/** What a noun adds to the schema. */
export interface SchemaPart {
  readonly define?: (builder: Builder, once: Once) => void;
  readonly node?: NodeKind;
}

const createOnce = (builder: Builder): Once => {
  const defined = new Map<(builder: Builder) => unknown, unknown>();
  return <T>(define: (builder: Builder) => T): T => {
    if (!defined.has(define)) defined.set(define, define(builder));
    return defined.get(define) as T;
  };
};

/** Builds the whole schema, the nouns' parts in their order. Throws when a root field names no permission. */
export const createSchema = (nouns: readonly SchemaPart[]): GraphQLSchema => {
  const builder = createBuilder();
  builder.queryType();
  builder.mutationType();
  builder.subscriptionType();
  defineScalars(builder);
  definePageInfo(builder);
  defineTimeline(builder);
  defineNode(
    builder,
    nouns.flatMap(({ node }) => node ?? []),
  );
  const permission = defineViewer(builder);
  const once = createOnce(builder);
  defineSettings(builder, once);
  defineProblems(builder);
  defineActivation(builder, once);
  definePlan(builder);
  defineSetup(builder);
  defineDoctor(builder);
  for (const { define } of nouns) define?.(builder, once);
  defineRole(builder, permission);
  defineAudit(builder);
  defineWebhookEvent(builder);
  defineEffects(builder);
  defineConsoleSession(builder);
  return builder.toSchema({ sortSchema: false });
};
