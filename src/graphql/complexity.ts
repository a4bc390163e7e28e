import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  type DocumentNode,
  type ExecutionArgs,
  type FragmentDefinitionNode,
  GraphQLError,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  type ParseOptions,
  parse,
  type Source,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from './context.js';
import { costOf, tooComplex } from './cost.js';
import { asRequestError } from './error-presenter.js';
import type { Limits } from './limits.js';

/** Refuses documents and operations that ask for too much (QUERY_TOO_COMPLEX), before anything is resolved. */
export const useComplexityLimits = (limits: Limits): Plugin<Context> => {
  const rules = complexityRules(limits);
  const refuseCost = createCostCheck(limits.cost);
  return {
    onParse: ({ params, setParseFn }) => {
      const length = String(typeof params.source === 'string' ? params.source : params.source.body).length;
      if (length > limits.documentCharacters)
        throw asRequestError(
          tooComplex(`The document has ${length} characters; at most ${limits.documentCharacters} are allowed.`),
        );
      setParseFn((source, options) => parseWithinTokens(source, options, limits.tokens));
    },
    onValidate: ({ addValidationRule }) => {
      for (const rule of rules) addValidationRule(rule);
    },
    onExecute: ({ args, setResultAndStopExecution }) => {
      const refusal = refuseCost(args);
      if (refusal) setResultAndStopExecution({ errors: [refusal] });
    },
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      const refusal = refuseCost(args);
      if (refusal) setResultAndStopExecution({ errors: [refusal] });
    },
  };
};

/** Refuses introspection, where it is switched off, with a message that says where the schema is. */
export const useNoIntrospection = (): Plugin<Context> => ({
  onValidate: ({ addValidationRule }) => addValidationRule(noIntrospectionRule),
});

/** The parser's own counter; its refusal gets a code. */
const parseWithinTokens = (source: string | Source, options: ParseOptions, maxTokens: number): DocumentNode => {
  try {
    return parse(source, { ...options, maxTokens });
  } catch (error) {
    if (error instanceof Error && error.message.includes(`more that ${maxTokens} tokens`))
      throw asRequestError(tooComplex(`The document has too many tokens; at most ${maxTokens} are allowed.`));
    throw error;
  }
};

/** graphql-armor's counters, reporting like any other rule of validation and with the contract's code. */
const complexityRules = (limits: Limits): ValidationRule[] => {
  const report = (what: string, max: number) => ({
    n: max,
    exposeLimits: true,
    propagateOnRejection: false,
    onReject: [
      (context: ValidationContext | null, error: GraphQLError): void =>
        context?.reportError(
          tooComplex(`${error.message.replace('Syntax Error: ', '')} Ask for less ${what} at once.`),
        ),
    ],
  });
  return [
    maxDepthRule({ ...report('depth', limits.depth), flattenFragments: true }),
    maxAliasesRule({ ...report('aliases', limits.aliases), allowList: [] }),
    maxDirectivesRule(report('directives', limits.directives)),
  ] as ValidationRule[];
};

const noIntrospectionRule: ValidationRule = (context) => ({
  Field: (node) => {
    if (node.name.value !== '__schema' && node.name.value !== '__type') return;
    const message = `Introspection is switched off on this server, so "${node.name.value}" can't be asked.`;
    context.reportError(new GraphQLError(message, { nodes: node, extensions: { code: 'FORBIDDEN' } }));
  },
});

/** Measures operations with their variables; documents that have been measured and use none keep their cost. */
const createCostCheck = (maxCost: number): ((args: ExecutionArgs) => GraphQLError | undefined) => {
  const known = new WeakMap<DocumentNode, number>();
  return ({ schema, document, operationName, variableValues }) => {
    const operation = getOperationAST(document, operationName);
    if (!operation)
      return asRequestError(
        new GraphQLError('Name the operation to run: "operationName" must be that of one in the document.', {
          extensions: { code: 'BAD_USER_INPUT' },
        }),
      );
    const isFixed = document.definitions.length === 1 && !operation.variableDefinitions?.length;
    let cost = isFixed ? known.get(document) : undefined;
    if (cost === undefined) {
      const variables = withDefaults(operation, variableValues ?? {});
      cost = costOf({ schema, operation, fragments: fragmentsOf(document), variables });
      if (isFixed) known.set(document, cost);
    }
    if (cost <= maxCost) return undefined;
    return asRequestError(
      tooComplex(`The operation costs ${cost} fields; at most ${maxCost} are allowed. Ask for fewer rows or fields.`),
    );
  };
};

const fragmentsOf = (document: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  );

const withDefaults = (
  operation: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> => ({
  ...Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue?.kind === Kind.INT ? [[variable.name.value, Number(defaultValue.value)]] : [],
    ),
  ),
  ...given,
});
