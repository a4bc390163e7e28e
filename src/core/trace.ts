import {
  type Attributes,
  type Context,
  context,
  type Link,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** The scope that all spans of Tollgate have. */
const SCOPE = 'tollgate';

/** What a span is to be. */
export interface TraceOptions {
  /** Whether it takes or makes a call, takes or makes a message; inside of this process unless told. */
  readonly kind?: keyof typeof SpanKind;
  readonly attributes?: Attributes;
  /** What it stands below; the span that is open here unless told. */
  readonly parent?: Context;
  /** What else led to it; a span that many led to stands below none. */
  readonly links?: readonly TraceLink[];
}

/** Where a span stands, for another one to name. */
export type TraceLink = Link;

/** The open span, as far as the traced code needs it. */
export interface Traced {
  set(attributes: Attributes): void;
}

const UNTRACED: Traced = { set: () => undefined };

/** Undefined where no SDK is loaded: then nothing is made. */
const tracer = (): Tracer | undefined => {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider ? provider.getDelegateTracer(SCOPE) : provider.getTracer(SCOPE);
};

/** Whether spans are made: an SDK was loaded before. */
export const isTraced = (): boolean => tracer() !== undefined;

/** Words of errors may name people; their kind doesn't. Source: OpenTelemetry's semantic conventions, "error.type". */
const fail = (span: Span, error: unknown): void => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const kind = typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown';
  span.setAttribute('error.type', kind);
  span.setStatus({ code: SpanStatusCode.ERROR });
};

/**
 * Runs it inside a span, which ends when it does; what is traced meanwhile stands below. A rejection is told of by its code alone,
 * and passed on. Without an SDK of OpenTelemetry it is a plain call.
 */
export const traced = <T>(
  name: string,
  { kind = 'INTERNAL', attributes, parent = context.active(), links }: TraceOptions,
  run: (span: Traced) => Promise<T>,
): Promise<T> => {
  const open = tracer();
  if (!open) return run(UNTRACED);
  const options = {
    kind: SpanKind[kind],
    ...(attributes && { attributes }),
    ...(links && { links: [...links], root: true }),
  };
  return open.startActiveSpan(name, options, links ? ROOT_CONTEXT : parent, async (span) => {
    try {
      return await run({ set: (more) => span.setAttributes(more) });
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
};

/** The span that is open here; undefined without one. */
export const traceHere = (): TraceLink | undefined => {
  const here = trace.getActiveSpan()?.spanContext();
  return here && { context: here };
};

/** Names the open span in headers, or in what is kept for later. Source: W3C, "Trace Context". Nothing without an SDK. */
export const carryTrace = (): Record<string, string> | undefined => {
  if (!isTraced()) return undefined;
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return Object.keys(carrier).length > 0 ? carrier : undefined;
};

/** Where a caller's headers, or what was kept, say that the work belongs; here where they don't. */
export const takeTrace = (carrier: object | undefined): Context =>
  carrier && isTraced() ? propagation.extract(ROOT_CONTEXT, carrier) : context.active();
