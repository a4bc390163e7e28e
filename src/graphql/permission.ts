import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import {
  DirectiveLocation,
  defaultFieldResolver,
  GraphQLDirective,
  GraphQLEnumType,
  type GraphQLFieldResolver,
  GraphQLNonNull,
  type GraphQLObjectType,
  GraphQLSchema,
  specifiedDirectives,
} from 'graphql';
import { denial, UnauthenticatedError } from '../core/errors.js';
import type { Permission } from '../core/permissions.js';
import type { Context } from './context.js';
import { TOKEN_EXPIRED } from './session.js';
import { callAt } from './timer.js';

const DIRECTIVE = 'requiresPermission';

declare global {
  export namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      requiresPermission: PermissionPlugin<Types>;
    }
    interface FieldOptions {
      /** What the caller's roles must grant; printed as @requiresPermission. Root fields must have one. */
      permission?: Permission;
    }
  }
}

const permissionOf = (field: { pothosOptions: object }): Permission | undefined =>
  (field.pothosOptions as { permission?: Permission }).permission;

/**
 * Declares @requiresPermission in the schema, prints it on the fields that name a permission and enforces it there:
 * before arguments are validated, before a stream starts, and on a stream's nested fields at each message.
 */
class PermissionPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const permission = permissionOf(field);
    if (permission === undefined) return field;
    return { ...field, extensions: { ...field.extensions, directives: { [DIRECTIVE]: { permission } } } };
  }

  /** Called for `resolve` and for `subscribe`, outside of argument mapping. */
  override wrapArgMappers(
    next: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    const permission = permissionOf(field);
    if (permission === undefined || (next === undefined && field.kind === 'Subscription')) return next;
    const resolve = next ?? defaultFieldResolver;
    return (parent, args, context, info) => {
      const { caller } = (context as Context).session;
      if (!caller.permissions.has(permission)) throw denial(caller, permission);
      return resolve(parent, args, context, info);
    };
  }

  override wrapSubscribe(
    next: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    if (!next) return next;
    return async (parent, args, context, info) => {
      const { session, endsWithToken } = context as Context;
      const stream: unknown = await next(parent, args, context, info);
      return endsWithToken ? stream : untilExpiry(stream, session.expiresAt);
    };
  }

  /** The directive must use this build's own Permission enum, so it can't be made before. */
  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    assertRootsGuarded(schema);
    const type = schema.getType('Permission');
    if (!(type instanceof GraphQLEnumType)) throw new Error('The schema has no enum Permission.');
    const directive = new GraphQLDirective({
      name: DIRECTIVE,
      locations: [DirectiveLocation.FIELD_DEFINITION],
      args: { permission: { type: new GraphQLNonNull(type) } },
    });
    return new GraphQLSchema({ ...schema.toConfig(), directives: [...specifiedDirectives, directive] });
  }
}

SchemaBuilder.registerPlugin(DIRECTIVE, PermissionPlugin);

const assertRootsGuarded = (schema: GraphQLSchema): void => {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const open = roots
    .filter((root): root is GraphQLObjectType => Boolean(root))
    .flatMap((root) =>
      Object.values(root.getFields())
        .filter((field) => !(field.extensions['directives'] as Record<string, unknown> | undefined)?.[DIRECTIVE])
        .map((field) => `${root.name}.${field.name}`),
    );
  if (open.length > 0) throw new Error(`Every root field names its permission; these don't: ${open.join(', ')}.`);
};

/** Ends a stream with UNAUTHENTICATED when its token does, also while nothing happens. */
const untilExpiry = (stream: unknown, expiresAt: Date | null): unknown => {
  if (expiresAt === null) return stream;
  const source = (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  let expired = false;
  const cancel = callAt(expiresAt, () => {
    expired = true;
    void source.return?.();
  });
  const stop = async (): Promise<IteratorResult<unknown>> => {
    cancel();
    await source.return?.();
    return { done: true, value: undefined };
  };
  const iterator: AsyncIterableIterator<unknown> = {
    next: async () => {
      const result = await source.next();
      if (expired) throw new UnauthenticatedError(TOKEN_EXPIRED);
      if (result.done) cancel();
      return result;
    },
    return: stop,
    throw: stop,
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
};
