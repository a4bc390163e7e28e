import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import { openOrder } from '../shop.ts';
import { client } from './client.ts';
import { Order } from './order.tsx';

const place = document.querySelector('#app');
const orderId = await openOrder();
if (place)
  createRoot(place).render(
    <StrictMode>
      <Provider value={client}>
        <Order orderId={orderId} />
      </Provider>
    </StrictMode>,
  );
