import { StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { RelayEnvironmentProvider } from 'react-relay';
import { openOrder } from '../shop.ts';
import { environment } from './environment.ts';
import { Order } from './order.tsx';

const place = document.querySelector('#app');
const orderId = await openOrder();
if (place)
  createRoot(place).render(
    <StrictMode>
      <RelayEnvironmentProvider environment={environment}>
        <Suspense fallback={<p>One moment …</p>}>
          <Order orderId={orderId} />
        </Suspense>
      </RelayEnvironmentProvider>
    </StrictMode>,
  );
