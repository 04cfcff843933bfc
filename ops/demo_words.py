"""The words the demo company is made of: names, streets, trades and places by language.

Everything here is small and fixed; `ops.demo_data` combines it into rows inside the database.
"""

import unicodedata
from dataclasses import dataclass

INDUSTRIES = (
    "MACHINERY", "CONSTRUCTION", "RETAIL", "LOGISTICS", "IT", "HEALTH",
    "FOOD", "FINANCE", "ENERGY", "TOURISM", "AGRICULTURE", "PRINTING",
)  # fmt: skip


@dataclass(frozen=True)
class Language:
    """How people and companies of one language are called.

    Attributes
    ----------
    women, men
        First names.
    surnames
        Family names; `Иванов/Иванова` where a woman's differs.
    trades
        One for each of `INDUSTRIES`, in that order, as it stands in a company's name.
    names
        Patterns of company names with `{name}`, `{second}` (family names), `{place}` (city) and `{trade}`.
    streets
        Streets; `{}` stands for the house number.
    """

    women: str
    men: str
    surnames: str
    trades: str
    names: str
    streets: str


LANGUAGES: dict[str, Language] = {
    "en": Language(
        women="Alice Amelia Charlotte Claire Emily Emma Grace Hannah Helen Isla Jane Julia Laura Lucy Mary Olivia "
        "Rachel Sarah Sophie Victoria",
        men="Adam Andrew Benjamin Charles Daniel David Edward George Henry Jack James John Michael Oliver Paul "
        "Peter Robert Samuel Thomas William",
        surnames="Adams Baker Bennett Brown Carter Clarke Collins Cooper Davies Evans Foster Green Hall Harris Hill "
        "Hughes Jackson Johnson King Lewis Mitchell Morgan Morris Parker Reed Robinson Scott Shaw Taylor Turner "
        "Walker Ward Watson White Wilson Wright Young O'Connor Murphy Fraser",
        trades="Engineering|Builders|Stores|Freight|Software|Medical Supplies|Foods|Finance|Power|Travel|Farms|Print",
        names="{name} {trade} Ltd|{name} & {second} {trade}|{place} {trade} Ltd|{name} Brothers {trade}",
        streets="{} High Street|{} Station Road|{} Church Lane|{} Victoria Avenue|{} Mill Lane|{} Park Road|"
        "{} Queen Street|{} Bridge Street|{} Market Square|{} Industrial Way",
    ),
    "de": Language(
        women="Anna Birgit Claudia Franziska Hannah Heike Ingrid Johanna Julia Katharina Lena Lisa Marie Monika "
        "Sabine Sandra Stefanie Susanne Ursula Jutta",
        men="Andreas Bernd Christian Daniel Dieter Florian Frank Hans Jan Jens Jörg Jürgen Karl Lukas Markus "
        "Matthias Stefan Thomas Uwe Wolfgang",
        surnames="Bauer Becker Braun Fischer Fuchs Groß Hartmann Hoffmann Huber Jäger Kaiser Keller Klein Koch König "
        "Krause Krüger Lang Lehmann Maier Meyer Müller Neumann Richter Schäfer Schmidt Schneider Scholz Schröder "
        "Schulz Schwarz Vogel Wagner Weber Weiß Werner Winkler Wolf Zimmermann Böhm",
        trades="Maschinenbau|Hochbau|Handel|Spedition|Software|Medizintechnik|Feinkost|Finanz|Energie|Reisen|"
        "Landtechnik|Druck",
        names="{name} {trade} GmbH|{name} & {second} {trade} KG|{place}er {trade} GmbH|{name} {trade} AG",
        streets="Hauptstraße {}|Bahnhofstraße {}|Gartenweg {}|Schillerstraße {}|Am Markt {}|Lindenallee {}|"
        "Industriestraße {}|Goethestraße {}|Kirchplatz {}|Ringstraße {}",
    ),
    "fr": Language(
        women="Amélie Anne Aurélie Camille Catherine Chloé Céline Élodie Émilie Hélène Isabelle Julie Laure Léa "
        "Louise Manon Marie Nathalie Sophie Valérie",
        men="Alain Antoine Benoît Christophe Denis Étienne François Frédéric Gérard Guillaume Hugo Jean Jérôme "
        "Laurent Louis Marc Nicolas Olivier Philippe René",
        surnames="André Bernard Bertrand Blanc Bonnet Boyer Chevalier David Dubois Dupont Durand Faure Fontaine "
        "Fournier François Garnier Girard Guérin Lambert Lefebvre Legrand Leroy Martin Mercier Michel Moreau Morel "
        "Perrin Petit Renard Richard Robert Rousseau Roux Roy Simon Thomas Vidal Vincent Noël",
        trades="Mécanique|Construction|Distribution|Transports|Informatique|Santé|Gourmande|Conseil|Énergie|Voyages|"
        "Agricole|Imprimerie",
        names="{trade} {name} SARL|Établissements {name} {trade}|{name} et {second} SA|{place} {trade} SAS",
        streets="{} rue de la République|{} avenue Victor Hugo|{} rue du Moulin|{} place de l'Église|"
        "{} boulevard Voltaire|{} rue des Écoles|{} chemin des Vignes|{} quai de la Gare|{} rue Pasteur|"
        "{} allée des Tilleuls",
    ),
    "es": Language(
        women="Alba Ana Beatriz Carmen Cristina Elena Inés Isabel Laura Lucía Marta María Mónica Nuria Paula Pilar "
        "Raquel Rocío Sofía Teresa",
        men="Alejandro Álvaro Antonio Carlos Diego Eduardo Fernando Francisco Javier Jorge José Juan Luis Manuel "
        "Miguel Pablo Pedro Rafael Sergio Tomás",
        surnames="Alonso Álvarez Blanco Castro Delgado Díaz Domínguez Fernández Flores García Gil Gómez González "
        "Gutiérrez Hernández Herrera Iglesias Jiménez López Marín Martín Martínez Medina Molina Morales Moreno "
        "Muñoz Navarro Núñez Ortega Ortiz Pérez Ramírez Ramos Rodríguez Romero Ruiz Sánchez Suárez Vega",
        trades="Maquinaria|Construcciones|Comercial|Transportes|Informática|Sanitaria|Alimentación|Finanzas|Energía|"
        "Viajes|Agrícola|Gráficas",
        names="{trade} {name} S.L.|{name} y {second} {trade} S.A.|{trade} {place} S.L.|Hermanos {name} {trade}",
        streets="Calle Mayor {}|Avenida de la Constitución {}|Calle del Sol {}|Paseo de la Alameda {}|"
        "Plaza España {}|Calle Real {}|Camino Viejo {}|Calle Cervantes {}|Ronda Norte {}|Calle San Juan {}",
    ),
    "ru": Language(
        women="Алла Анастасия Анна Валентина Вера Галина Дарья Екатерина Елена Ирина Ксения Людмила Мария Надежда "
        "Наталья Ольга Полина Светлана Татьяна Юлия",
        men="Александр Алексей Андрей Борис Виктор Владимир Глеб Дмитрий Евгений Иван Игорь Кирилл Максим Михаил "
        "Николай Олег Павел Роман Сергей Юрий",
        surnames="Андреев/Андреева Белов/Белова Васильев/Васильева Виноградов/Виноградова Волков/Волкова "
        "Воробьёв/Воробьёва Егоров/Егорова Зайцев/Зайцева Захаров/Захарова Иванов/Иванова Козлов/Козлова "
        "Королёв/Королёва Крылов/Крылова Кузнецов/Кузнецова Лебедев/Лебедева Макаров/Макарова Михайлов/Михайлова "
        "Морозов/Морозова Никитин/Никитина Николаев/Николаева Новиков/Новикова Орлов/Орлова Павлов/Павлова "
        "Петров/Петрова Попов/Попова Романов/Романова Семёнов/Семёнова Сергеев/Сергеева Смирнов/Смирнова "
        "Соколов/Соколова Соловьёв/Соловьёва Степанов/Степанова Тарасов/Тарасова Титов/Титова Фёдоров/Фёдорова "
        "Филиппов/Филиппова Чайковский/Чайковская Щербаков/Щербакова Яковлев/Яковлева Бондаренко",
        trades="Машстрой|Стройтрест|Торг|Логистика|Софт|Медтехника|Продукты|Финанс|Энерго|Тур|Агро|Полиграфия",
        names="ООО «{name} и {second}»|ООО «{trade} {place}»|АО «{trade}-{name}»|ООО «{name} {trade}»",
        streets="ул. Ленина, {}|ул. Мира, {}|пр. Победы, {}|ул. Гагарина, {}|ул. Садовая, {}|наб. Речная, {}|"
        "ул. Пушкина, {}|ул. Заводская, {}|пер. Тихий, {}|ул. Советская, {}",
    ),
    "it": Language(
        women="Alessia Anna Beatrice Chiara Elena Federica Francesca Giorgia Giulia Ilaria Laura Lucia Maria Martina "
        "Paola Roberta Sara Silvia Sofia Valentina",
        men="Alessandro Andrea Antonio Carlo Davide Fabio Federico Francesco Giovanni Giuseppe Lorenzo Luca Marco "
        "Matteo Nicolò Paolo Riccardo Roberto Simone Stefano",
        surnames="Barbieri Bianchi Bruno Caruso Colombo Conti Costa De_Luca Esposito Fabbri Ferrari Ferrara Fontana "
        "Galli Gallo Giordano Greco Leone Lombardi Longo Mancini Marchetti Mariani Marino Martinelli Moretti Parisi "
        "Pellegrini Ricci Rinaldi Rizzo Romano Rossi Russo Sala Santoro Serra Testa Valentini Villa",
        trades="Meccanica|Costruzioni|Commercio|Trasporti|Informatica|Medicale|Alimentari|Finanziaria|Energia|Viaggi|"
        "Agricola|Grafiche",
        names="{trade} {name} S.r.l.|{name} & {second} {trade}|{trade} {place} S.p.A.|Fratelli {name} {trade}",
        streets="Via Roma {}|Corso Garibaldi {}|Via Dante {}|Piazza del Duomo {}|Via Mazzini {}|Viale Europa {}|"
        "Via Verdi {}|Largo Colombo {}|Via dei Mille {}|Via Manzoni {}",
    ),
    "nl": Language(
        women="Anouk Anna Emma Eva Femke Fleur Ingrid Iris Jana Julia Kim Lieke Lotte Maaike Marieke Roos Sanne "
        "Saskia Sofie Tess",
        men="Bart Bas Daan Dirk Erik Gijs Hendrik Jan Jeroen Joost Kees Koen Lars Maarten Niels Pieter Ruben Sander "
        "Thijs Willem",
        surnames="Bakker Bos Brouwer de_Boer de_Bruijn de_Graaf de_Groot de_Haan de_Jong de_Vries Dekker Dijkstra "
        "Hendriks Hermans Hoekstra Jacobs Jansen Janssens Koster Kuipers Maes Meijer Mulder Peeters Peters Prins "
        "Schouten Smit van_Beek van_Dam van_den_Berg van_Dijk van_Leeuwen Verhoeven Vermeulen Visser Vos Willems "
        "Wouters Zwart",
        trades="Machines|Bouw|Handel|Transport|Software|Zorg|Voeding|Financieel|Energie|Reizen|Tuinbouw|Drukkerij",
        names="{name} {trade} B.V.|{name} & {second} {trade}|{place}se {trade} B.V.|Gebroeders {name} {trade}",
        streets="Dorpsstraat {}|Kerkstraat {}|Stationsplein {}|Molenweg {}|Havenkade {}|Marktplein {}|Schoolstraat {}|"
        "Industrieweg {}|Beatrixlaan {}|Wilgenlaan {}",
    ),
    "pl": Language(
        women="Agnieszka Aleksandra Anna Barbara Dorota Elżbieta Ewa Iwona Joanna Julia Karolina Katarzyna Magdalena "
        "Małgorzata Maria Marta Monika Paulina Teresa Zofia",
        men="Adam Andrzej Bartosz Dariusz Grzegorz Jacek Jan Jakub Krzysztof Łukasz Maciej Marcin Marek Michał Paweł "
        "Piotr Rafał Stanisław Tomasz Wojciech",
        surnames="Adamczyk Baran Dąbrowski/Dąbrowska Duda Dudek Górski/Górska Grabowski/Grabowska Jankowski/Jankowska "
        "Kaczmarek Kamiński/Kamińska Kowalczyk Kowalski/Kowalska Kozłowski/Kozłowska Krawczyk Król Kubiak Lewandowski/"
        "Lewandowska Majewski/Majewska Malinowski/Malinowska Mazur Michalak Nowak Nowakowski/Nowakowska Nowicki/"
        "Nowicka Olszewski/Olszewska Pawłowski/Pawłowska Pietrzak Piotrowski/Piotrowska Rutkowski/Rutkowska Sikora "
        "Szymański/Szymańska Walczak Wieczorek Wiśniewski/Wiśniewska Witkowski/Witkowska Wojciechowski/Wojciechowska "
        "Woźniak Wróbel Zając Zieliński/Zielińska",
        trades="Maszyny|Budownictwo|Handel|Transport|Informatyka|Medyka|Spożywczy|Finanse|Energia|Turystyka|Rolnictwo|"
        "Drukarnia",
        names="{name} {trade} Sp. z o.o.|{name} i {second} {trade}|{trade} {place} S.A.|Zakłady {trade} {name}",
        streets="ul. Polna {}|ul. Leśna {}|ul. Słoneczna {}|ul. Krótka {}|ul. Szkolna {}|ul. Ogrodowa {}|"
        "al. Niepodległości {}|ul. Lipowa {}|Rynek {}|ul. Przemysłowa {}",
    ),
    "sv": Language(
        women="Anna Astrid Birgitta Elin Emma Eva Frida Hanna Ida Ingrid Johanna Karin Kristina Lena Linnéa Maja "
        "Malin Märta Sara Åsa",
        men="Anders Axel Björn Erik Fredrik Gustav Göran Henrik Johan Karl Lars Magnus Mikael Nils Oskar Per Sven "
        "Tomas Ulf Åke",
        surnames="Ahlström Andersson Berg Berglund Bergström Bengtsson Björk Carlsson Dahl Ek Engström Eriksson "
        "Forsberg Fransson Gustafsson Hansson Hedlund Henriksson Holm Jansson Johansson Jonsson Karlsson Larsson "
        "Lind Lindberg Lindqvist Lindström Lundgren Lundin Magnusson Nilsson Nyström Olsson Persson Sandberg "
        "Sjöberg Svensson Söderberg Öberg",
        trades="Verkstad|Bygg|Handel|Frakt|Data|Vård|Livs|Finans|Kraft|Resor|Lantbruk|Tryckeri",
        names="{name}s {trade} AB|{name} & {second} {trade}|{place} {trade} AB|Bröderna {name} {trade}",
        streets="Storgatan {}|Kungsgatan {}|Skolgatan {}|Kyrkogatan {}|Järnvägsgatan {}|Strandvägen {}|Parkvägen {}|"
        "Björkvägen {}|Industrigatan {}|Torget {}",
    ),
    "pt": Language(
        women="Ana Beatriz Carla Catarina Clara Cristina Fernanda Helena Inês Isabel Joana Juliana Luísa Mariana "
        "Marta Patrícia Raquel Rita Sílvia Sofia",
        men="Afonso André António Bruno Carlos Daniel Eduardo Francisco Gonçalo Henrique João Jorge José Luís Manuel "
        "Miguel Nuno Paulo Ricardo Rui",
        surnames="Almeida Alves Araújo Azevedo Barbosa Barros Cardoso Carvalho Castro Coelho Correia Costa Cunha Dias "
        "Fernandes Ferreira Fonseca Freitas Gomes Gonçalves Henriques Lopes Machado Magalhães Marques Martins Melo "
        "Mendes Monteiro Moreira Neves Nunes Oliveira Pereira Pinto Ribeiro Rocha Santos Silva Teixeira",
        trades="Metalúrgica|Construções|Comércio|Transportes|Informática|Saúde|Alimentar|Financeira|Energia|Viagens|"
        "Agrícola|Gráfica",
        names="{trade} {name} Lda.|{name} & {second} {trade}|{trade} {place} S.A.|Irmãos {name} {trade}",
        streets="Rua da Liberdade {}|Avenida Central {}|Rua do Comércio {}|Largo da Igreja {}|Rua das Flores {}|"
        "Travessa do Norte {}|Rua Nova {}|Avenida do Brasil {}|Rua de São João {}|Praça da República {}",
    ),
}


@dataclass(frozen=True)
class Country:
    """Where contacts of one language live.

    Attributes
    ----------
    code, language
        Country and what is spoken there; a country with two languages stands here twice.
    share
        How many of a hundred companies are there; over all countries 100.
    dial
        Prefix of telephone numbers.
    cities
        `name/territory/post code`; in a post code `p` to `u` stand for digits, `x` and `y` for capital letters.
    """

    code: str
    language: str
    share: int
    dial: str
    cities: str


COUNTRIES = (
    Country("DE", "de", 16, "+49", "Berlin/DE-EAST/10pqr|Hamburg/DE-NORTH/20pqr|München/DE-SOUTH/80pqr|"
            "Köln/DE-WEST/50pqr|Leipzig/DE-EAST/04pqr|Stuttgart/DE-SOUTH/70pqr|Bremen/DE-NORTH/28pqr"),
    Country("AT", "de", 4, "+43", "Wien/AT/1pq0|Graz/AT/80pq|Linz/AT/40pq|Salzburg/AT/50pq"),
    Country("CH", "de", 3, "+41", "Zürich/CH/80pq|Basel/CH/40pq|Bern/CH/30pq|Luzern/CH/60pq"),
    Country("CH", "fr", 2, "+41", "Genève/CH/12pq|Lausanne/CH/10pq|Neuchâtel/CH/20pq"),
    Country("GB", "en", 13, "+44", "London/GB-SOUTH/ECp qxy|Manchester/GB-NORTH/Mpq rxy|Leeds/GB-NORTH/LSp qxy|"
            "Birmingham/GB-MID/Bpq rxy|Edinburgh/GB-SCOT/EHp qxy|Cardiff/GB-WALES/CFp qxy|Bristol/GB-SOUTH/BSp qxy"),
    Country("IE", "en", 2, "+353", "Dublin/IE/D0p xyqr|Cork/IE/T1p xyqr|Galway/IE/H9p xyqr"),
    Country("US", "en", 9, "+1", "New York/US-EAST/100pq|Boston/US-EAST/021pq|Chicago/US-MID/606pq|"
            "Denver/US-WEST/802pq|Seattle/US-WEST/981pq|Austin/US-SOUTH/787pq"),
    Country("CA", "en", 2, "+1", "Toronto/CA/M5x pyq|Vancouver/CA/V6x pyq|Calgary/CA/T2x pyq"),
    Country("CA", "fr", 1, "+1", "Montréal/CA/H3x pyq|Québec/CA/G1x pyq"),
    Country("FR", "fr", 11, "+33", "Paris/FR-NORTH/750pq|Lyon/FR-SOUTH/690pq|Marseille/FR-SOUTH/130pq|"
            "Lille/FR-NORTH/590pq|Nantes/FR-WEST/440pq|Bordeaux/FR-WEST/330pq|Strasbourg/FR-NORTH/670pq"),
    Country("BE", "nl", 2, "+32", "Antwerpen/BE/20pq|Gent/BE/90pq|Brugge/BE/80pq"),
    Country("BE", "fr", 1, "+32", "Liège/BE/40pq|Namur/BE/50pq|Bruxelles/BE/10pq"),
    Country("NL", "nl", 5, "+31", "Amsterdam/NL/10pq xy|Rotterdam/NL/30pq xy|Utrecht/NL/35pq xy|Eindhoven/NL/56pq xy"),
    Country("ES", "es", 8, "+34", "Madrid/ES-MID/280pq|Barcelona/ES-EAST/080pq|Sevilla/ES-SOUTH/410pq|"
            "Valencia/ES-EAST/460pq|Bilbao/ES-NORTH/480pq"),
    Country("MX", "es", 2, "+52", "Ciudad de México/MX/06pqr|Guadalajara/MX/44pqr|Monterrey/MX/64pqr"),
    Country("IT", "it", 5, "+39", "Milano/IT-NORTH/201pq|Torino/IT-NORTH/101pq|Roma/IT-MID/001pq|"
            "Napoli/IT-SOUTH/801pq|Bologna/IT-NORTH/401pq"),
    Country("RU", "ru", 7, "+7", "Москва/RU-MID/10pqrs|Санкт-Петербург/RU-NORTH/19pqrs|Казань/RU-VOLGA/42pqrs|"
            "Екатеринбург/RU-URAL/62pqrs|Новосибирск/RU-SIB/63pqrs"),
    Country("KZ", "ru", 1, "+7", "Алматы/KZ/05pqrs|Астана/KZ/01pqrs"),
    Country("PL", "pl", 2, "+48", "Warszawa/PL/00-pqr|Kraków/PL/30-pqr|Gdańsk/PL/80-pqr|Wrocław/PL/50-pqr"),
    Country("SE", "sv", 2, "+46", "Stockholm/SE/1pq rs|Göteborg/SE/41p qr|Malmö/SE/21p qr|Uppsala/SE/75p qr"),
    Country("PT", "pt", 1, "+351", "Lisboa/PT/11pq-rst|Porto/PT/40pq-rst|Braga/PT/47pq-rst"),
    Country("BR", "pt", 1, "+55", "São Paulo/BR/01pqr-stu|Curitiba/BR/80pqr-stu"),
)  # fmt: skip

_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        (*"abvgdee", "zh", *"ziyklmnoprstuf", "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya"),
        strict=True,
    )
)
_LATIN = {"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "ä": "ae", "ö": "oe", "ü": "ue"}


def ascii_of(word: str) -> str:
    """Write a name the way it stands in an e-mail address: small letters a to z and hyphens."""
    spelled = "".join((_CYRILLIC | _LATIN).get(letter, letter) for letter in word.lower())
    plain = unicodedata.normalize("NFD", spelled)
    return "".join(
        "-" if letter in " -_" else letter for letter in plain if letter.isascii() and letter not in "'."
    )


# Who looks after contacts: code, name and the languages they speak.
SALESPEOPLE = (
    ("AH", "Annette Hill", "en"),
    ("BD", "Bart Duncan", "en nl"),
    ("CL", "Claire Lambert", "fr"),
    ("DN", "Dieter Neumann", "de"),
    ("EV", "Elena Vega", "es pt"),
    ("GR", "Giulia Ricci", "it"),
    ("HS", "Hanna Scholz", "de pl"),
    ("JR", "John Roberts", "en sv"),
    ("MD", "Marc Dubois", "fr"),
    ("OK", "Ольга Королёва", "ru"),
    ("PW", "Peter Wagner", "de"),
    ("SM", "Sergio Molina", "es"),
)
# Left the company; some contacts still carry the code, as in every real book.
LEAVER = ("TV", "Tom Vance")

GROUPS = (
    ("LETTER", "Letters"),
    ("PHONE", "Phone calls"),
    ("MAIL", "E-mails"),
    ("MEETING", "Meetings and visits"),
    ("EVENT", "Events and fairs"),
    ("DOCUMENT", "Printed documents"),
)

# description, first and last day as days from the day the company is made, salesperson
CAMPAIGNS = (
    ("Spring catalogue", -200, -80, "AH"),
    ("Autumn trade fair", -60, 30, "DN"),
    ("Loyalty programme", -365, 365, "JR"),
    ("New price list", -10, 80, "CL"),
    ("Winning back old customers", -120, 120, "EV"),
    ("Opening of the Warsaw office", 20, 60, "HS"),
)

MAILING_GROUPS = (("NEWSLETTER", 620), ("PRICELIST", 270), ("EVENTS", 160), ("GIFTS", 50))
BUSINESS_RELATIONS = (("CUSTOMER", 550), ("PROSPECT", 300), ("VENDOR", 100), ("PARTNER", 50))
JOBS = ("DIRECTOR", "PURCHASING", "SALES", "MARKETING", "FINANCE", "IT", "LOGISTICS", "OFFICE")

CATALOGUE = {
    "en": "Our new catalogue is here",
    "de": "Unser neuer Katalog ist da",
    "fr": "Notre nouveau catalogue est arrivé",
    "es": "Ya está aquí nuestro nuevo catálogo",
    "ru": "Вышел наш новый каталог",
    "it": "È arrivato il nostro nuovo catalogo",
    "nl": "Onze nieuwe catalogus is er",
    "pl": "Nasz nowy katalog już jest",
}
FAIR = {
    "en": "Meet us at the autumn fair",
    "de": "Besuchen Sie uns auf der Herbstmesse",
    "fr": "Rencontrez-nous au salon d'automne",
    "es": "Visítenos en la feria de otoño",
    "ru": "Ждём вас на осенней выставке",
}
PRICES = {
    "en": "Prices from next quarter",
    "de": "Preise ab dem nächsten Quartal",
    "fr": "Tarifs du prochain trimestre",
    "es": "Precios del próximo trimestre",
    "ru": "Цены со следующего квартала",
    "pt": "Preços do próximo trimestre",
    "sv": "Priser från nästa kvartal",
}
BIRTHDAY = {
    "en": "Happy birthday",
    "de": "Herzlichen Glückwunsch zum Geburtstag",
    "fr": "Joyeux anniversaire",
    "es": "Feliz cumpleaños",
    "ru": "С днём рождения",
}
