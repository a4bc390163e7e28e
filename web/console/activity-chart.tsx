import { useLanguage } from '../ui/language.js';
import { useWidth } from '../ui/width.js';
import { KIND_COUNTS, KIND_NAMES, KINDS, type Range, type Step } from './activity.js';

const HEIGHT = 200;
const LEFT = 36;
const BOTTOM = 24;
const TOP = 8;
/** Room for one label of the time. */
const LABEL = 76;

const labelOf = (from: number, { stepMs }: Range, language: string): string =>
  new Intl.DateTimeFormat(
    language,
    stepMs < 86_400_000 ? { timeStyle: 'short' } : { month: 'short', day: 'numeric' },
  ).format(from);

/** A round number of at least `most` that halves well. */
const ceilingOf = (most: number): number => {
  const unit = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  return [2, 4, 6, 8, 10].map((times) => times * unit).find((value) => value >= most) ?? 10 * unit;
};

/** How many payments succeeded and failed, and how many refunds were made, in steps of time; also as a table. */
export const ActivityChart = ({ steps, range }: { readonly steps: readonly Step[]; readonly range: Range }) => {
  const { t, language } = useLanguage();
  const sum = (kind: (typeof KINDS)[number]) => steps.reduce((total, step) => total + step[kind], 0);
  const ceiling = ceilingOf(Math.max(...steps.map((step) => step.succeeded + step.failed + step.refunded)));
  const [part, width] = useWidth<HTMLElement>(720);
  const slot = (width - LEFT) / steps.length;
  const labelEvery = Math.max(1, Math.ceil(LABEL / slot));
  const heightOf = (count: number): number => (count / ceiling) * (HEIGHT - BOTTOM - TOP);
  const words = KINDS.map((kind) => t(KIND_COUNTS[kind], { count: sum(kind) })).join(', ');
  return (
    <figure className="chart" ref={part}>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={`${t(range.name)}: ${words}`}>
        {[0, ceiling / 2, ceiling].map((value) => {
          const y = HEIGHT - BOTTOM - heightOf(value);
          return (
            <g key={value}>
              <line x1={LEFT} x2={width} y1={y} y2={y} />
              <text x={LEFT - 8} y={y + 4} textAnchor="end">
                {value}
              </text>
            </g>
          );
        })}
        {steps.map((step, index) => {
          let y = HEIGHT - BOTTOM;
          return KINDS.map((kind) => {
            const height = heightOf(step[kind]);
            y -= height;
            return (
              <rect
                key={`${step.from} ${kind}`}
                className={kind}
                x={LEFT + index * slot + slot * 0.15}
                y={y}
                width={slot * 0.7}
                height={height}
                rx={2}
              >
                <title>{`${labelOf(step.from, range, language)}: ${t(KIND_COUNTS[kind], { count: step[kind] })}`}</title>
              </rect>
            );
          });
        })}
        {steps.map(({ from }, index) =>
          index % labelEvery === 0 && index * slot < width - LABEL ? (
            <text key={from} x={LEFT + index * slot + slot / 2} y={HEIGHT - 6} textAnchor="middle">
              {labelOf(from, range, language)}
            </text>
          ) : null,
        )}
      </svg>
      <details>
        <summary>{t('As a table')}</summary>
        <ChartTable steps={steps} range={range} />
      </details>
    </figure>
  );
};

const ChartTable = ({ steps, range }: { readonly steps: readonly Step[]; readonly range: Range }) => {
  const { t, language } = useLanguage();
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t('From')}</th>
          {KINDS.map((kind) => (
            <th key={kind} scope="col">
              {t(KIND_NAMES[kind])}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {steps.map((step) => (
          <tr key={step.from}>
            <th scope="row">{labelOf(step.from, range, language)}</th>
            {KINDS.map((kind) => (
              <td key={kind}>{step[kind]}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
};
