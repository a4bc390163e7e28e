/** What each code of a problem means and asks for, in German. The server's own words, which name the rows, stand beneath. */
export const GERMAN_PROBLEMS: Readonly<Record<string, string>> = {
  BATCHES_FAIL:
    'Ereignisse, die eine Transaktion teilen, schlagen nacheinander fehl und gehen einzeln, also langsamer. Im Protokoll steht der Fehler; was ein Ablauf dabei nicht teilen kann, steht in docs/flows.md unter „Batches“.',
  CHANGES_UNPUBLISHED:
    'Änderungen wurden den Clients länger als eine Minute nicht gemeldet. Prüfen Sie, ob ein Server läuft und Redis antwortet; dann holt er es selbst nach.',
  CLOCK_SKEW: 'Die Uhren gehen auseinander. Stellen Sie sie mit NTP (timedatectl set-ntp true).',
  DATABASE_RIGHTS: 'Der Rolle des Servers fehlen Rechte in der Datenbank. Erteilen Sie ihr die genannten.',
  DATABASE_TOO_OLD: 'PostgreSQL ist zu alt. Aktualisieren Sie es.',
  DATABASE_UNREACHABLE: 'Die Datenbank ist nicht zu erreichen, oder DATABASE_URL taugt nicht.',
  DEFINITIONS_CHANGED:
    'Jemand hat die Tabellen von Tollgate verändert, so dass Regeln umgangen werden können. Finden Sie heraus, wer, und machen Sie es rückgängig (docs/protection.md).',
  DELIVERIES_MISSING:
    'Ereignisse von Stripe sind hier nicht angekommen. Prüfen Sie den Endpunkt bei Stripe (Developers, Webhooks), dann: npx tollgate reconcile',
  DISPUTES_UNKNOWN: 'Ob Zahlungsanfechtungen auf eine Antwort warten, ließ sich nicht feststellen.',
  DISPUTE_NEEDS_RESPONSE:
    'Eine Zahlungsanfechtung wartet auf eine Antwort. Antworten Sie im Dashboard von Stripe mit Belegen, oder nehmen Sie sie dort hin: ohne Antwort ist sie verloren.',
  EFFECTS_DEAD:
    'Effekte von Abläufen schlugen zu oft fehl und wurden aufgegeben. Lesen Sie den letzten Fehler, beheben Sie die Ursache und versuchen Sie sie noch einmal: npx tollgate effects retry',
  EFFECTS_FAILED:
    'Effekte von Abläufen schlugen fehl und werden wieder versucht. Lesen Sie den letzten Fehler und beheben Sie die Ursache: npx tollgate effects list',
  ENCRYPTION_KEY:
    'TOLLGATE_ENCRYPTION_KEY öffnet nicht, was gespeichert ist. Setzen Sie den Schlüssel, mit dem es verschlossen wurde, oder die Schlüssel von Stripe neu: npx tollgate configure',
  ENCRYPTION_KEY_ROTATING:
    'Der Wechsel des Schlüssels ist nicht fertig, noch ist etwas mit dem alten verschlossen: npx tollgate rotate-encryption-key',
  EVENTS_DEAD:
    'Ereignisse schlugen zu oft fehl und wurden aufgegeben. Lesen Sie den letzten Fehler, beheben Sie ihn, dann: npx tollgate events replay <id>',
  EVENTS_STUCK:
    'Ereignisse schlugen fehl oder warten länger als eine Minute. Lesen Sie den Fehler mit „npx tollgate events show <id>“ und beheben Sie die Ursache, oft einen Ablauf; das Ereignis wird wieder versucht.',
  FLOWS_BROKEN: 'Ein Ablauf lässt sich nicht laden. Beheben Sie den genannten Fehler in seiner Datei.',
  FLOWS_FROZEN:
    'Abläufe oder Effekte hielten den Server auf und werden abgewiesen. Beheben Sie ihren Code, starten Sie den Server neu, dann: npx tollgate flows retry',
  FLOW_FILE:
    'Die Datei eines Ablaufs fehlt oder gehört zu einer anderen Tabelle. „npx tollgate activate“ mit derselben Bindung schreibt sie; starten Sie danach neu.',
  FLOW_NOT_FINISHED:
    'Die Datei eines Ablaufs ist noch, wie sie erzeugt wurde. Schreiben Sie hinein, was es für Ihre Bestellungen bedeutet.',
  FLOW_OWED:
    'Ein Ablauf ist einer Bestellung geschuldet. Beheben Sie ihn und starten Sie den Server neu: er wird von selbst wieder versucht.',
  FOREIGN_KEYS_OFF:
    'Fremdschlüssel oder der Wächter der Definitionen ruhen, oder jemand darf sie abschalten. Setzen Sie session_replication_role als Superuser zurück, entziehen Sie das Recht und starten Sie neu.',
  MIGRATIONS_PENDING: 'Migrationen stehen aus: npx tollgate migrate',
  NOT_ACTIVATED: 'Es ist keine Bestelltabelle gebunden: npx tollgate activate --order-table schema.tabelle',
  ORDERS_WITHOUT_OWNER:
    'Es ist keine Spalte für den Eigentümer gebunden: wer PAYMENT_CREATE hat, darf für jede Bestellung zahlen. Wo Bestellungen Eigentümer haben: npx tollgate activate --add-owner-column <spalte>',
  ORDER_AMOUNT_UNCHARGEABLE:
    'Beträge von Bestellungen haben mehr Nachkommastellen, als ihre Währung kennt. Runden Sie sie in Ihrer App.',
  ORDER_OVERPAID:
    'Für Bestellungen ging mehr ein, als sie kosten. Sehen Sie ihre Zahlungen an und erstatten Sie, was zu viel ist.',
  ORDER_UNREADABLE:
    'Die Rolle des Servers kann Bestellungen nicht lesen, sperren oder ändern. Geben Sie ihr das genannte Recht.',
  PAYMENTS_QUARANTINED: 'Geld wurde zurückgestellt und wartet auf eine Entscheidung: annehmen oder erstatten.',
  PLAN_INACTIVE: 'Der geltende Plan enthält keine Zahlungen: npx tollgate plan PRO',
  PROTECTION_INCOMPLETE:
    'Der Schutz der Tabellen ist unvollständig: npx tollgate migrate. Darf die Rolle das nicht, nennt „npx tollgate activate“ das SQL für einen Superuser.',
  PUBLIC_URL_UNREACHABLE: 'Unter PUBLIC_URL ist dieser Server nicht zu erreichen. Prüfen Sie Adresse, DNS und Proxy.',
  RECONCILIATION_LATE:
    'Seit mehr als 20 Tagen wurde nicht mit Stripe abgeglichen, und Stripe vergisst Ereignisse nach 30 Tagen: npx tollgate reconcile',
  REDIS_UNREACHABLE: 'Redis ist nicht zu erreichen oder verweigert, was der Server braucht.',
  REFUNDS_OVER_RESERVED:
    'Erstattungen übersteigen, was einging: eine wurde auch im Dashboard von Stripe gemacht. Sehen Sie die Erstattungen dort an; eine von ihnen wird scheitern.',
  REFUNDS_UNKNOWN:
    'Erstattungen sind ohne klare Antwort von Stripe. Prüfen Sie, ob ein Server läuft und Stripe erreicht: er findet den Ausgang selbst heraus, das Geld bleibt reserviert.',
  RENEWALS_UNKNOWN: 'Ob spätere Abbuchungen den gewünschten Betrag hatten, ließ sich nicht feststellen.',
  RENEWAL_ABOVE_FIRST:
    'Eine spätere Abbuchung sollte höher sein als vereinbart; die Rechnung blieb, wie sie war. Der Ablauf recurring-charge darf höchstens den vereinbarten Betrag geben.',
  RENEWAL_FLOW_FAILED:
    'Der Ablauf recurring-charge schlug fehl, bis die Rechnung unverändert eingezogen wurde. Beheben Sie ihn und erstatten Sie die Differenz, wenn es eine gibt.',
  RENEWAL_NOT_SHOWN:
    'Die Rechnung zeigt den gewünschten Betrag nicht. Sehen Sie sie im Dashboard von Stripe an: einen Entwurf ändern Sie von Hand, sonst erstatten Sie die Differenz.',
  RENEWAL_TOO_LATE:
    'Der gewünschte Betrag kam zu spät: die Rechnung war schon abgeschlossen. Erstatten Sie die Differenz, oder setzen Sie tooLate: "refund" im Ablauf recurring-charge.',
  RENEWAL_UNCHARGEABLE:
    'Den gewünschten Betrag kann Stripe nicht einziehen; die Rechnung blieb, wie sie war. Der Ablauf recurring-charge gibt 0 oder mindestens den kleinsten Betrag von Stripe.',
  ROWS_LOST:
    'Zeilen fehlen, zu denen andere gehören. Holen Sie sie aus einer Sicherung zurück und finden Sie heraus, wer ohne Fremdschlüssel arbeitet.',
  STRIPE_KEYS: 'Die gespeicherten Schlüssel von Stripe ließen sich nicht prüfen.',
  STRIPE_KEYS_INVALID:
    'Stripe nimmt einen Schlüssel nicht an, oder die beiden gehören nicht zum selben Konto. Setzen Sie gültige: npx tollgate configure',
  STRIPE_KEYS_MISSING: 'Die Schlüssel von Stripe fehlen; niemand kann zahlen: npx tollgate configure',
  STRIPE_KEYS_MODE: 'Von den Schlüsseln ist einer für Tests, der andere nicht. Setzen Sie zwei derselben Art.',
  STRIPE_UNREACHABLE:
    'Stripe antwortet nicht wie erwartet. Prüfen Sie, ob dieser Rechner api.stripe.com (oder STRIPE_API_BASE) erreicht, und status.stripe.com.',
  TOKENS_WITHOUT_END:
    'Ein Zugriffstoken ohne Ablauf gilt für immer. Begrenzen Sie das Alter mit TOLLGATE_TOKEN_MAX_AGE_SECONDS, etwa auf 86400.',
  WEBHOOK_ENDPOINT: 'Der Webhook-Endpunkt bei Stripe ließ sich nicht prüfen.',
  WEBHOOK_ENDPOINT_DIFFERS:
    'Der Webhook-Endpunkt bei Stripe ist anders eingerichtet, als Tollgate es braucht. Ein laufender Server mit PUBLIC_URL behebt es binnen einer Stunde, „npx tollgate configure“ sofort.',
  WEBHOOK_ENDPOINT_MISSING:
    'Bei Stripe ist kein Webhook-Endpunkt für diesen Server eingetragen. Ein laufender Server mit PUBLIC_URL behebt es binnen einer Stunde, „npx tollgate configure“ sofort.',
  WEBHOOK_ENDPOINT_VERSION:
    'Der Webhook-Endpunkt bei Stripe sendet in einer anderen Version der Schnittstelle. Ein laufender Server mit PUBLIC_URL behebt es binnen einer Stunde, „npx tollgate configure“ sofort.',
  WEBHOOK_SECRET_MISSING:
    'Es ist kein Geheimnis für Webhooks gesetzt, so dass keine Zahlung erfolgreich werden kann. Setzen Sie PUBLIC_URL und führen Sie „npx tollgate configure“ noch einmal aus.',
};
