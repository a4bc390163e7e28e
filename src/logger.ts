import { type Logger, pino } from 'pino';
import type { Config } from './config.js';
import { traceHere } from './core/trace.js';

/** What must never reach a log line, wherever an object carries it. */
const SECRETS = [
  'authorization',
  '*.authorization',
  '*.headers.authorization',
  'secretKey',
  '*.secretKey',
  'client_secret',
  '*.client_secret',
  'clientSecret',
  '*.clientSecret',
  '*.raw',
  'err.cause.raw',
  'err.raw',
  'err.cause.headers',
  'err.headers',
];

/** Each line names the span that it was written in, where OpenTelemetry's tools look for it. Source: OpenTelemetry, "Trace context in non-OTLP log formats". */
export const traceLines = {
  mixin: (): object => {
    const here = traceHere()?.context;
    return here ? { trace_id: here.traceId, span_id: here.spanId } : {};
  },
};

/** Builds the log: JSON lines for machines, one readable line for people; secrets are taken out. */
export const createLogger = ({ level, format }: Config['log']): Logger =>
  pino({
    level,
    ...traceLines,
    redact: { paths: SECRETS, remove: true },
    ...(format === 'pretty' && {
      transport: {
        target: 'pino-pretty',
        options: { translateTime: 'HH:MM:ss', ignore: 'pid,hostname', colorize: true },
      },
    }),
  });
