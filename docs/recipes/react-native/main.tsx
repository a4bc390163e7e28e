// The test's page: react-native-web in the place of React Native. Your app renders <Order> where it likes.
import { createRoot } from 'react-dom/client';
import { createTollgate } from 'tollgate-client';
import { CARDS, confirmCard, GRAPHQL, openOrder, PRICE, token } from '../shop.ts';
import { Order } from './order.tsx';

const tollgate = createTollgate({ url: GRAPHQL, token });
let card = CARDS.declined; // the first card is declined, the next one pays

const place = document.querySelector('#app');
const orderId = await openOrder();
if (place)
  createRoot(place).render(
    <Order
      tollgate={tollgate}
      orderId={orderId}
      {...PRICE}
      confirm={async (answer) => {
        const tried = card;
        card = CARDS.good;
        await confirmCard(answer, tried);
      }}
    />,
  );
