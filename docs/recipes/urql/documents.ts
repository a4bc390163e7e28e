import { gql } from 'urql';
import type { Confirming } from '../shop.ts';

export interface Payment {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly amount: number;
  readonly currency: string;
}

export interface Order {
  readonly payments: {
    readonly edges: readonly { readonly node: Payment; readonly cursor: string }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

/** Ask for the id and the version wherever you ask for anything else of a row. */
const ROW = gql`
  fragment Row on Payment {
    id
    version
    status
    amount
    currency
  }
`;

export const ORDER = gql<Order, { orderId: string; after: string | null }>`
  query Order($orderId: ID!, $after: String) {
    payments(orderId: $orderId, first: 2, after: $after) {
      edges {
        cursor
        node {
          ...Row
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  ${ROW}
`;

export const LIVE = gql<{ orderPaymentsUpdated: Payment }, { orderId: string }>`
  subscription Live($orderId: ID!) {
    orderPaymentsUpdated(orderId: $orderId) {
      ...Row
    }
  }
  ${ROW}
`;

/** It asks for the payment's id alone: the stream tells the row, and an answer that was overtaken changes nothing. */
export const PAY = gql<{ pay: Confirming }, { input: object }>`
  mutation Pay($input: PayInput!) {
    pay(input: $input) {
      payment {
        id
      }
      clientSecret
      publishableKey
    }
  }
`;
