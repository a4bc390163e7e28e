import { useState, useSyncExternalStore } from 'react';
import { Pressable, Text, View } from 'react-native';
import { formatMoney, type PayAnswer, type Tollgate } from 'tollgate-client';
import { orderStore } from 'tollgate-client/stores';

interface Props {
  /** Made once for the app: createTollgate({ url, token }). */
  readonly tollgate: Tollgate;
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
  /** `confirmPayment(clientSecret, …)` or the payment sheet of `@stripe/stripe-react-native`. Rejects in the bank's words. */
  readonly confirm: (answer: PayAnswer) => Promise<void>;
}

/** An order that is paid, and followed live. Coming back from the background, it goes on with the current state. */
export const Order = ({ tollgate, orderId, amount, currency, confirm }: Props) => {
  const [payments] = useState(() => orderStore(tollgate, orderId));
  const { rows, isKnown, error } = useSyncExternalStore(payments.subscribe, payments.get);
  const [isPaying, setPaying] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const pay = async (): Promise<void> => {
    setPaying(true);
    setRefusal(undefined);
    try {
      await confirm(await tollgate.pay({ orderId, amount, currency }));
    } catch (thrown) {
      setRefusal(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      setPaying(false);
    }
  };
  const said = error?.message ?? refusal;
  return (
    <View>
      <Text role="heading">Order {orderId}</Text>
      {isKnown && rows.length === 0 && <Text>Nothing was paid yet.</Text>}
      <View role="list" aria-label="Payments">
        {rows.map((payment) => (
          <Text role="listitem" key={payment.id}>
            {formatMoney(payment.amount, payment.currency)} {payment.status}
          </Text>
        ))}
      </View>
      <Pressable role="button" disabled={isPaying} onPress={pay}>
        <Text>Pay {formatMoney(amount, currency)}</Text>
      </Pressable>
      {said !== undefined && <Text role="alert">{said}</Text>}
    </View>
  );
};
