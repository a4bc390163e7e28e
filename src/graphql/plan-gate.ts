import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import { defaultFieldResolver, type GraphQLFieldResolver } from 'graphql';
import type { Permission } from '../core/permissions.js';
import type { Context } from './context.js';

const NAME = 'planGate';

declare global {
  export namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      planGate: PlanGatePlugin<Types>;
    }
    interface FieldOptions {
      /** This mutation works on every plan, although it is about money: nobody is locked into a charge. */
      onEveryPlan?: true;
    }
  }
}

/** What an operator does with the installation itself; needed on every plan, to get to another one first of all. */
const OPERATION: ReadonlySet<Permission> = new Set([
  'SETTINGS_MANAGE',
  'ROLE_MANAGE',
  'EVENT_REPLAY',
  'OUTGOING_WEBHOOK_MANAGE',
]);

interface GateOptions {
  readonly permission?: Permission;
  readonly onEveryPlan?: true;
}

/**
 * The one place that asks the plan: every mutation answers FEATURE_INACTIVE below PRO, unless it is an operator's or says
 * `onEveryPlan`. So a new action is gated without a word. Reads and subscriptions are never asked.
 */
class PlanGatePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapArgMappers(
    next: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    if (field.kind !== 'Mutation') return next;
    const { permission, onEveryPlan } = field.pothosOptions as GateOptions;
    if (onEveryPlan === true || (permission !== undefined && OPERATION.has(permission))) return next;
    const resolve = next ?? defaultFieldResolver;
    return async (parent, args, context, info) => {
      await (context as Context).plans.assertActive();
      return resolve(parent, args, context, info);
    };
  }
}

SchemaBuilder.registerPlugin(NAME, PlanGatePlugin);
