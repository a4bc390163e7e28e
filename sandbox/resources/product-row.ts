import type { Kind, StripeObject } from '../kind.js';
import { type MetadataChange, withMetadata } from '../params.js';
import type { Scope } from '../scope.js';

export interface Product extends StripeObject {
  readonly object: 'product';
  active: boolean;
  readonly created: number;
  default_price: string | null;
  description: string | null;
  images: string[];
  readonly livemode: boolean;
  marketing_features: { name: string }[];
  metadata: Record<string, string>;
  name: string;
  readonly package_dimensions: null;
  shippable: boolean | null;
  statement_descriptor: string | null;
  tax_code: string | null;
  readonly tax_details: null;
  readonly type: 'good' | 'service';
  unit_label: string | null;
  updated: number;
  url: string | null;
}
export const products: Kind<Product> = {
  table: 'product',
  expandable: { default_price: 'price', tax_code: 'tax_code' },
};

export interface NewProduct {
  readonly name: string;
  readonly id?: string;
  readonly active?: boolean;
  readonly description?: string;
  readonly images?: string[];
  readonly marketing_features?: { name: string }[];
  readonly metadata?: MetadataChange;
  readonly shippable?: boolean;
  readonly statement_descriptor?: string;
  readonly tax_code?: string;
  readonly type?: Product['type'];
  readonly unit_label?: string;
  readonly url?: string;
}

/** Makes a product and tells of it (Stripe: "Create a product"). */
export const newProduct = (scope: Scope, values: NewProduct): Product => {
  const product = scope.save<Product>(products, {
    id: values.id ?? scope.newId('prod'),
    object: 'product',
    active: values.active ?? true,
    created: scope.now(),
    default_price: null,
    description: values.description ?? null,
    images: values.images ?? [],
    livemode: scope.livemode,
    marketing_features: values.marketing_features ?? [],
    metadata: withMetadata({}, values.metadata),
    name: values.name,
    package_dimensions: null,
    shippable: values.shippable ?? null,
    statement_descriptor: values.statement_descriptor ?? null,
    tax_code: values.tax_code ?? null,
    tax_details: null,
    type: values.type ?? 'service',
    unit_label: values.unit_label ?? null,
    updated: scope.now(),
    url: values.url ?? null,
  });
  scope.emit('product.created', product);
  return product;
};
