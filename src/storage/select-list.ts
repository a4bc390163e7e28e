import { getMetadataArgsStorage } from 'typeorm';
import { keyText } from './columns.js';

/**
 * The select list that gives an entity's rows from plain SQL, in the entity's property names: `p.order_id::text as
 * "orderId", …`. One source of truth for column names, shared with the entity.
 */
export const selectList = <Row extends object>(
  entity: abstract new () => Row,
  alias: string,
  /** These alone. */
  only?: ReadonlySet<keyof Row>,
): string =>
  getMetadataArgsStorage()
    .columns.filter((column) => column.target === entity && column.options.select !== false)
    .filter(({ propertyName }) => only?.has(propertyName as keyof Row) ?? true)
    .map(({ propertyName, options }) => {
      const text = options.transformer === keyText ? '::text' : '';
      return `${alias}.${options.name ?? propertyName}${text} as "${propertyName}"`;
    })
    .join(', ');
