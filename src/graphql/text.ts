import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import { defaultFieldResolver, type GraphQLFieldResolver } from 'graphql';
import { UnstorableTextError } from '../core/errors.js';
import { findTextFault } from '../core/text.js';

const NAME = 'storableText';

declare global {
  export namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      storableText: StorableTextPlugin<Types>;
    }
  }
}

/**
 * The one place that looks at the characters of what clients send: every String, ID and other scalar of every field's
 * arguments, in inputs and in JSON, literal or variable. So a new argument is guarded without a word.
 */
class StorableTextPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapArgMappers(
    next: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    if (Object.keys(field.args).length === 0 || (next === undefined && field.kind === 'Subscription')) return next;
    const resolve = next ?? defaultFieldResolver;
    return (parent, args, context, info) => {
      const found = findTextFault(args);
      if (found) throw new UnstorableTextError(found.path, found.fault);
      return resolve(parent, args, context, info);
    };
  }
}

SchemaBuilder.registerPlugin(NAME, StorableTextPlugin);
