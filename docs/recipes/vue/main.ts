import { createApp } from 'vue';
import { openOrder } from '../shop.ts';
import App from './app.vue';

createApp(App, { orderId: await openOrder() }).mount('#app');
