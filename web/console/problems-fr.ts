/** What each code of a problem means and asks for, in French. The server's own words, which name the rows, stand beneath. */
export const FRENCH_PROBLEMS: Readonly<Record<string, string>> = {
  BATCHES_FAIL:
    'Des événements qui partagent une transaction échouent l’un après l’autre ; ils vont seuls, plus lentement. Le journal donne l’erreur ; docs/flows.md (« Batches ») dit ce qu’un flux ne peut pas partager.',
  CHANGES_UNPUBLISHED:
    'Des changements n’ont pas été annoncés aux clients en une minute. Vérifiez qu’un serveur tourne et que Redis répond ; il les annonce alors de lui-même.',
  CLOCK_SKEW: 'Les horloges diffèrent. Réglez-les par NTP (timedatectl set-ntp true).',
  DATABASE_RIGHTS:
    'Il manque au rôle du serveur des droits dans la base de données. Accordez-lui ceux qui sont nommés.',
  DATABASE_TOO_OLD: 'PostgreSQL est trop ancien. Mettez-le à jour.',
  DATABASE_UNREACHABLE: 'La base de données n’est pas joignable, ou DATABASE_URL ne convient pas.',
  DEFINITIONS_CHANGED:
    'Quelqu’un a modifié les tables de Tollgate, de sorte que des règles peuvent être contournées. Trouvez qui, et défaites-le (docs/protection.md).',
  DELIVERIES_MISSING:
    'Des événements de Stripe ne sont pas arrivés ici. Vérifiez le point d’accès chez Stripe (Developers, Webhooks), puis : npx tollgate reconcile',
  DISPUTES_UNKNOWN: 'Il n’a pas été possible de savoir si des contestations attendent une réponse.',
  DISPUTE_NEEDS_RESPONSE:
    'Une contestation attend une réponse. Répondez dans le tableau de bord de Stripe avec des preuves, ou acceptez-la là : sans réponse, elle est perdue.',
  EFFECTS_DEAD:
    'Des effets de flux ont échoué trop souvent et ont été abandonnés. Lisez la dernière erreur, corrigez la cause, puis : npx tollgate effects retry',
  EFFECTS_FAILED:
    'Des effets de flux ont échoué et sont réessayés. Lisez la dernière erreur et corrigez la cause : npx tollgate effects list',
  ENCRYPTION_KEY:
    'TOLLGATE_ENCRYPTION_KEY n’ouvre pas ce qui est enregistré. Remettez la clé qui l’a chiffré, ou de nouveau les clés de Stripe : npx tollgate configure',
  ENCRYPTION_KEY_ROTATING:
    'Le changement de clé n’est pas terminé, l’ancienne chiffre encore des secrets : npx tollgate rotate-encryption-key',
  EVENTS_DEAD:
    'Des événements ont échoué trop souvent et ont été abandonnés. Lisez la dernière erreur, corrigez-la, puis : npx tollgate events replay <id>',
  EVENTS_STUCK:
    'Des événements ont échoué ou attendent depuis plus d’une minute. Lisez l’erreur par « npx tollgate events show <id> » et corrigez la cause, souvent un flux ; l’événement est réessayé.',
  FLOWS_BROKEN: 'Un flux ne se laisse pas charger. Corrigez dans son fichier l’erreur nommée.',
  FLOWS_FROZEN:
    'Des flux ou des effets ont bloqué le serveur et sont refusés. Corrigez leur code, redémarrez le serveur, puis : npx tollgate flows retry',
  FLOW_FILE:
    'Le fichier d’un flux manque ou est écrit pour une autre table. « npx tollgate activate » avec la même liaison l’écrit ; redémarrez ensuite.',
  FLOW_NOT_FINISHED:
    'Le fichier d’un flux est resté tel qu’il a été créé. Écrivez-y ce que cela signifie pour vos commandes.',
  FLOW_OWED: 'Un flux est dû à une commande. Corrigez-le et redémarrez le serveur : il est réessayé de lui-même.',
  FOREIGN_KEYS_OFF:
    'Les clés étrangères ou le gardien des définitions sont suspendus, ou quelqu’un peut les suspendre. Rétablissez session_replication_role comme superutilisateur, retirez ce droit et redémarrez.',
  MIGRATIONS_PENDING: 'Des migrations sont en attente : npx tollgate migrate',
  NOT_ACTIVATED: 'Aucune table de commandes n’est liée : npx tollgate activate --order-table schema.table',
  ORDERS_WITHOUT_OWNER:
    'Aucune colonne de propriétaire n’est liée : qui a PAYMENT_CREATE peut payer toute commande. Si les commandes ont un propriétaire : npx tollgate activate --add-owner-column <colonne>',
  ORDER_AMOUNT_UNCHARGEABLE:
    'Des montants de commandes ont plus de décimales que leur devise. Arrondissez-les dans votre application.',
  ORDER_OVERPAID: 'Des commandes ont reçu plus que leur prix. Regardez leurs paiements et remboursez l’excédent.',
  ORDER_UNREADABLE:
    'Le rôle du serveur ne peut pas lire, verrouiller ou modifier des commandes. Accordez-lui le droit nommé.',
  PAYMENTS_QUARANTINED: 'De l’argent a été mis de côté et attend une décision : accepter ou rembourser.',
  PLAN_INACTIVE: 'L’offre en vigueur ne comprend pas les paiements : npx tollgate plan PRO',
  PROTECTION_INCOMPLETE:
    'La protection des tables est incomplète : npx tollgate migrate. Si son rôle ne le peut pas, « npx tollgate activate » donne le SQL pour un superutilisateur.',
  PUBLIC_URL_UNREACHABLE: 'Ce serveur n’est pas joignable à PUBLIC_URL. Vérifiez l’adresse, le DNS et le proxy.',
  RECONCILIATION_LATE:
    'Rien n’a été comparé avec Stripe depuis plus de 20 jours, et Stripe oublie les événements après 30 jours : npx tollgate reconcile',
  REDIS_UNREACHABLE: 'Redis n’est pas joignable ou refuse ce dont le serveur a besoin.',
  REFUNDS_OVER_RESERVED:
    'Des remboursements dépassent ce qui a été reçu : l’un a aussi été fait dans le tableau de bord de Stripe. Regardez-les là ; l’un d’eux échouera.',
  REFUNDS_UNKNOWN:
    'Des remboursements sont sans réponse claire de Stripe. Vérifiez qu’un serveur tourne et joint Stripe : il trouve l’issue de lui-même, l’argent reste réservé.',
  RENEWALS_UNKNOWN: 'Il n’a pas été possible de savoir si les débits suivants avaient le montant voulu.',
  RENEWAL_ABOVE_FIRST:
    'Un débit suivant devait dépasser ce qui est convenu ; la facture est restée inchangée. Le flux recurring-charge ne peut donner que le montant convenu ou moins.',
  RENEWAL_FLOW_FAILED:
    'Le flux recurring-charge a échoué jusqu’à ce que la facture soit débitée sans changement. Corrigez-le et remboursez la différence, s’il y en a une.',
  RENEWAL_NOT_SHOWN:
    'La facture ne montre pas le montant voulu. Regardez-la dans le tableau de bord de Stripe : corrigez un brouillon à la main, sinon remboursez la différence.',
  RENEWAL_TOO_LATE:
    'Le montant voulu est venu trop tard : la facture était déjà finalisée. Remboursez la différence, ou mettez tooLate: "refund" dans le flux recurring-charge.',
  RENEWAL_UNCHARGEABLE:
    'Stripe ne peut pas débiter le montant voulu ; la facture est restée inchangée. Le flux recurring-charge donne 0 ou au moins le plus petit montant de Stripe.',
  ROWS_LOST:
    'Des lignes dont d’autres dépendent ont disparu. Reprenez-les d’une sauvegarde, puis trouvez qui travaille sans clés étrangères.',
  STRIPE_KEYS: 'Les clés de Stripe qui sont enregistrées n’ont pas pu être vérifiées.',
  STRIPE_KEYS_INVALID:
    'Stripe n’accepte pas une clé, ou les deux ne sont pas du même compte. Mettez-en de valables : npx tollgate configure',
  STRIPE_KEYS_MISSING: 'Les clés de Stripe manquent ; personne ne peut payer : npx tollgate configure',
  STRIPE_KEYS_MODE: 'L’une des clés est de test, l’autre non. Mettez-en deux du même mode.',
  STRIPE_UNREACHABLE:
    'Stripe ne répond pas comme attendu. Vérifiez que cette machine joint api.stripe.com (ou STRIPE_API_BASE), et status.stripe.com.',
  TOKENS_WITHOUT_END:
    'Un jeton d’accès sans expiration vaut pour toujours. Limitez son âge par TOLLGATE_TOKEN_MAX_AGE_SECONDS, par exemple à 86400.',
  WEBHOOK_ENDPOINT: 'Le point d’accès des webhooks chez Stripe n’a pas pu être vérifié.',
  WEBHOOK_ENDPOINT_DIFFERS:
    'Le point d’accès des webhooks chez Stripe n’est pas réglé comme Tollgate en a besoin. Un serveur en marche avec PUBLIC_URL le corrige dans l’heure, « npx tollgate configure » aussitôt.',
  WEBHOOK_ENDPOINT_MISSING:
    'Aucun point d’accès de webhooks n’est inscrit chez Stripe pour ce serveur. Un serveur en marche avec PUBLIC_URL le corrige dans l’heure, « npx tollgate configure » aussitôt.',
  WEBHOOK_ENDPOINT_VERSION:
    'Le point d’accès des webhooks chez Stripe parle une autre version de l’interface. Un serveur en marche avec PUBLIC_URL le corrige dans l’heure, « npx tollgate configure » aussitôt.',
  WEBHOOK_SECRET_MISSING:
    'Aucun secret de webhooks n’est défini, donc aucun paiement ne peut réussir. Définissez PUBLIC_URL et relancez « npx tollgate configure ».',
};
