"""Where sentences end, in many languages; each line joins sentences of one text by ` ‖ `."""

TEXTS = {
    "en": """
        Mr. Smith met Dr. J. S. Bach at 3.15 p.m. on Monday. ‖ "Stop!" he cried. ‖ It cost $4.50, e.g. nothing.
        He lives in the U.S. ‖ Then... he left? ‖ Yes! ‖ See No. 5 and Fig. 2.
        The U.S. President spoke. ‖ He said no.
        It was 1984. ‖ So what, etc. ‖ And so on
        He came at 5 p.m. and left. ‖ Nobody saw him.
        She works at Apple Inc. in California. ‖ I do not.
        We met on Jan. 5 in St. Louis. ‖ It rained.
        What is version 2.0.1? ‖ Nobody knows.
        Prof. Dr. Miller vs. the State of N.Y. was heard. ‖ It took long.
        “Is it?” she asked. ‖ “It is.” ‖ He nodded.
        He paid Mrs. Jones approx. 5 dollars. ‖ Mrs. Jones smiled.
        The firm Smith & Co. sold 3.5 million units. ‖ In Dec. 2019 it closed.
        Is that you, Sen. Warren? ‖ She nodded... then left. ‖ Wow!
        J.R.R. Tolkien wrote it. ‖ It has 3 vols. and an appendix.
        He moved to Washington, D.C. ‖ He loved it.
        See e.g. Chap. 4, pp. 12 and 13. ‖ Or Sec. 5.
    """,
    "de": """
        Am 3. Oktober feiern wir. ‖ Es regnet.
        Er wohnt in der Bahnhofstr. 12 in Berlin. ‖ Sie nicht.
        Das ist z. B. ein Apfel, d. h. eine Frucht. ‖ Gut so.
        Das ist z.B. ein Apfel usw. und mehr. ‖ Gut so.
        Dr. Müller kam um 14.30 Uhr. ‖ Prof. Dr. Schmidt fehlte.
        Im 19. Jahrhundert lebte Ludwig II. von Bayern. ‖ Er baute Schlösser.
        Er sagte: „Komm her!“ ‖ Dann ging er.
        Wir trafen uns am 1. Januar 2020. ‖ Es war kalt.
        Die Nr. 5 lebt. ‖ Siehe Abb. 3 und S. 12.
        Der 1. FC Köln verlor. ‖ Schade!
        Hat er das getan? ‖ Ja, bzw. nein.
        Es kostet ca. 3,50 Euro inkl. Mehrwertsteuer. ‖ Teuer.
        Der Hl. Nikolaus kommt. ‖ Am Mo. ist zu.
        Frau Prof. Dr. med. Lange operiert am 24. Dezember. ‖ Hoffentlich gut.
        Das Haus Nr. 7 in der Goethestr. gehört Hrn. Maier. ‖ Es ist alt.
        Er wurde 3. im Rennen. ‖ Sein Bruder wurde 5. ‖ Alle jubelten.
        Vgl. Kap. 4, Abs. 2. ‖ Dort steht mehr, u. a. Zahlen.
        Karl der Große starb am 28. Januar 814. ‖ Wer folgte?
    """,
    "fr": """
        M. Dupont habite à Paris. ‖ Mme. Durand aussi.
        Il est né le 1er janv. 1990 à Lyon. ‖ C'est loin.
        Voir p. 12 et fig. 3. ‖ C'est clair ? ‖ Oui !
        Le Dr. Martin est là, etc. ‖ Bien.
        « Viens ! » dit-il. ‖ Elle vint.
        Av. J.-C. il y avait Rome. ‖ Puis non.
        J. Chirac fut président. ‖ Il est mort.
        Le prix est de 3.50 euros env. par jour. ‖ C'est cher.
        Mlle. Petit et MM. Blanc sont partis. ‖ Pourquoi ?
        La réunion du 5 sept. 2020 fut longue. ‖ Voir chap. 3.
    """,
    "es": """
        El Sr. García vive aquí. ‖ La Sra. López no.
        ¿Cómo está Ud. hoy? ‖ ¡Muy bien!
        Véase la pág. 12 y el cap. 3. ‖ Gracias.
        EE. UU. es un país. ‖ Es grande.
        La Dra. Ruiz llegó a las 5 p. m. y se fue. ‖ Nadie la vio.
        Vive en la Avda. Central núm. 5. ‖ Es caro.
        Juan dijo: «Ven». ‖ Luego se fue.
        El Dr. Pérez, p. ej., no vino. ‖ ¿Quién sabe?
        La empresa Sánchez S.A. cerró. ‖ Fue en dic. 2019.
    """,
    "it": """
        Il sig. Rossi abita a Roma. ‖ La sig.ra Bianchi no.
        Il dott. Verdi e l'ing. Neri sono qui. ‖ Bene.
        Vedi pag. 12, fig. 3. ‖ È chiaro? ‖ Sì!
        Nel 300 a.C. Roma era piccola. ‖ Poi crebbe.
        Il prof. Bruni arriva, ecc. ‖ Fine.
        S. Francesco nacque ad Assisi. ‖ È lì.
        L'avv. Conti scrisse al sen. Mori. ‖ Egli rispose.
        Via Roma n. 5, tel. 123. ‖ Grazie!
    """,
    "ru": """
        А. С. Пушкин родился в 1799 г. в Москве. ‖ Он писал стихи.
        Он живёт на ул. Ленина, д. 5. ‖ Это далеко.
        Это стоит 5 тыс. руб. и т. д. ‖ Дорого!
        Проф. Иванов пришёл. ‖ Что делать? ‖ Не знаю.
        «Иди!» — сказал он. ‖ Она ушла.
        В XIX в. жил царь. ‖ Он умер.
        Тов. Петров живёт в г. Москве на пр. Мира. ‖ Он дома.
        См. рис. 5 и табл. 3. ‖ Там всё ясно.
    """,
    "nl": """
        Dhr. Jansen woont hier. ‖ Mevr. de Vries niet.
        Dat is bijv. een appel, d.w.z. fruit. ‖ Goed zo.
        Zie blz. 12 en nr. 5. ‖ Duidelijk?
        Prof. dr. Bakker kwam om 14.30 uur. ‖ Hij ging weer.
        Het kost ca. 3 euro incl. btw. ‖ Duur.
        Mr. de Boer en drs. Vos komen om 8 uur. ‖ Kom ook.
        Zie art. 5 en hfst. 3. ‖ Klaar.
    """,
    "pl": """
        Pan prof. Kowalski mieszka tu. ‖ To daleko.
        W XIX w. żył król. ‖ Umarł.
        Ul. Długa 5, tj. blisko, np. tam. ‖ Dobrze.
        Urodził się 3 maja 1990 r. w Krakowie. ‖ To fakt.
        Dr Nowak itd. przyszli. ‖ Po co?
        Ks. Jan i mgr. Anna przyszli o godz. 5. ‖ Potem poszli.
    """,
    "pt": """
        O Sr. Silva mora aqui. ‖ A Sra. Costa não.
        Veja a pág. 12 e o cap. 3. ‖ Obrigado.
        A Dra. Lima chegou às 5 p.m. e saiu. ‖ Ninguém viu.
        Mora na Av. Central, n. 5, etc. ‖ É caro.
        O Dr. Sousa mora na R. Augusta, n. 10. ‖ Ele saiu.
    """,
    "zh": """
        你好。 ‖ 世界！ ‖ 你是谁？ ‖ 我是王先生。
        他说：“走吧！” ‖ 然后他走了。
    """,
    "ja": """
        こんにちは。 ‖ 元気ですか？ ‖ 「はい。」 ‖ そうです。
    """,
    "hi": """
        यह एक किताब है। ‖ क्या तुम जाओगे? ‖ हाँ।
    """,
    "ar": """
        هل أنت هنا؟ ‖ نعم، أنا هنا.
    """,
    "el": """
        Πού είσαι; ‖ Είμαι εδώ.
        Ο κ. Παπαδόπουλος ήρθε. ‖ Γιατί; ‖ Δεν ξέρω.
    """,
    "hy": """
        Ես այստեղ եմ։ ‖ Դու այնտեղ ես։
    """,
    "cs": """
        Sešli jsme se 3. října v Praze. ‖ Pršelo.
        Ing. Novák a MUDr. Svoboda přišli, např. včera. ‖ Dobře.
        Viz obr. 3 a tab. 4. ‖ Dne 28. října 1918 vznikl stát.
    """,
    "da": """
        Den 3. oktober kom hr. Jensen. ‖ Det regnede.
        Det er f.eks. et æble, dvs. frugt. ‖ Godt.
        Dr. Holm kom kl. 8. ‖ Se s. 5.
    """,
    "sv": """
        Det är t.ex. ett äpple, dvs. frukt. ‖ Bra.
    """,
    "fi": """
        Tulimme 3. lokakuuta Helsinkiin. ‖ Satoi.
        Se on esim. omena, ts. hedelmä. ‖ Hyvä.
        Prof. Virtanen tuli klo. 8. ‖ Hän lähti 5. päivänä.
    """,
    "nb": """
        Den 3. oktober kom hr. Hansen. ‖ Det regnet.
    """,
    "hu": """
        Október 3. volt a nap. ‖ Esett.
        Dr. Nagy a 3. emeleten lakik. ‖ Jó.
    """,
    "tr": """
        Dr. Yılmaz 3. katta oturuyor. ‖ Uzak.
    """,
    "ro": """
        Dl. Popescu locuiește pe str. Lungă nr. 5. ‖ El vine.
    """,
}
