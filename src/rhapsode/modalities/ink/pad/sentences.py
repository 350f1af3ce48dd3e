"""Sentences to write by hand, made for this, that fit in a line; rare letters, digits and marks are often in them."""

SENTENCES = """\
The kettle is on; come in.
We walked home in the rain.
Did you feed the cat today?
My brother plays the violin.
She left her keys on the bus.
Thank you for the long letter.
The bread is still warm.
I will be back before dark.
Nobody knew the way home.
The shop closes at 6.
Put the box on the top shelf.
It has been snowing all night.
How far is it to the station?
He laughed until he cried.
The baby is asleep at last.
We grow beans, peas and kale.
Good morning! Did you sleep?
The river is very high today.
I forgot to water the plants.
Please close the gate.
They moved here in 1987.
The train leaves at 7:45.
Our house is number 23.
Call me at 5:30, not earlier.
It weighs about 60 pounds.
Flight 482 is late again.
The bill came to 39 euros.
Page 176 is missing.
She was born on 14 May 1962.
There are 365 days in a year.
Bus 58 stops near the school.
The museum opens at 10:15.
I need 3 eggs and some flour.
Room 704 is on the left.
We have met only 2 or 3 times.
He ran it in 9 minutes flat.
The code is 8-0-7-4.
Half of 196 is 98.
My train is at 6:07, gate 4.
Take the 8:20 to Oxford.
Anna baked a plum cake.
Ben broke his arm again.
Clara sings in a choir.
David never answers his phone.
Emma has two older sisters.
Frank sold his motorbike.
Greta paints small boats.
Hugo is afraid of spiders.
Iris wants to be a pilot.
Julia lost her blue umbrella.
Karl reads the paper aloud.
Lena lives above the bakery.
Max knows every bird by name.
Nora found a five pound note.
Oscar built a kite.
Paula quit her job in June.
Quentin asked a good question.
Rosa keeps bees and ducks.
Simon is late, as usual.
Tara rides to work.
Uncle Joe makes his own jam.
Vera taught me how to swim.
Walter fixed the old radio.
Xavier won the quiz again.
Yvonne speaks six languages.
Zoe drew a zebra for me.
Alice has moved to Athens.
Bruno was born in Berlin.
Cairo is hot in July.
Do you know Dublin well?
Every Easter we visit Ella.
Fridays are for fish.
Grandma grew up in Genoa.
Have you ever been to Hull?
In India we drank sweet tea.
Jack and Jill like Japan.
Kenya is far from Kyoto.
Lisbon has steep streets.
Madrid is warm in March.
Naples was loud and lovely.
On Sunday we are in Oslo.
Prague is full of bridges.
Quito lies high in the hills.
Rome was not built in a day.
Sam and Sue came on Saturday.
Turn left at the Town Hall.
Ursula is flying to Utah.
Vienna has very good cake.
We went to Wales in winter.
Xenia comes from Xanten.
Yes, we saw York by night.
Zurich has a quiet lake.
Quebec is cold in January.
Queenie waxed the floor.
Quick, hide the presents!
Quinn and Zack are twins.
Xander is an expert on jazz.
Xena fixed the taxi's engine.
Zara dozed in the lazy sun.
Zack has a zip on his jacket.
Zip up your coat, it is cold.
Yuri juggles with oranges.
Your jacket is at Yan's.
You owe me a game of chess.
Valerie gave the dog a bone.
Victor drives a yellow van.
Unless it rains, we will go.
Ulla and Uwe live upstairs.
Jim, are you just joking?
Just a moment, please.
Keep the change.
Kim kicked the ball too far.
Ida is in the kitchen.
If only it were Friday!
Is it true? I doubt it.
Eat your soup while it is hot.
Even Ed enjoyed the opera.
Oh no, not again!
Only Olga knew the answer.
Let me see: two, three, four.
Look! A fox is in the garden.
Nothing is quite finished.
Nice to meet you, Mr. Novak.
Dear Dr. Hill, thank you.
Give Gus my best wishes.
Go to bed, it is late.
Happy birthday, Hannah!
Fog hid the far bank.
Wait for me at the corner.
What a lovely surprise!
Where is the sugar?
Why is the sky so dark?
Who took my pencil?
Will you marry me?
Be quiet, the film begins.
By the way, Bill called.
Come early; bring a friend.
Can you lend me a pen?
Pick up some milk, please.
Put some jazz on, will you?
Run! The bus is coming.
Rain or shine, we will dance.
Tell Tom to bring the tent.
That can't be right.
Don't forget your gloves.
I'm sure it isn't far.
It's Anna's turn to cook.
We'd better ask Tim's aunt.
She hasn't heard from Mark.
You're right, and I'm wrong.
They've sold the farm.
What's for dinner tonight?
Let's meet at the lake.
The cat's bowl is empty.
Who's there? It's only me.
"Well," he said, "why not?"
"No," said the old man.
"Stop!" cried the guard.
"Look," she whispered.
The sign said "No exit".
He calls his boat "Hope".
Her answer was "maybe".
"How odd," thought Fiona.
They shouted "Hurrah!"
She sang "Silent Night".
We stayed (of course) for tea.
The map (page 47) is old.
My aunt (she is 92) swims.
The hut (see map) is empty.
He paid cash (as always).
Two eggs (or three) will do.
The zoo (not free) is near.
Mix well (by hand).
List: soap, string, stamps.
One thing is clear: he lied.
Remember: lock the back door.
Note: the lift is broken.
Colours: red, white, blue.
First rule: never panic.
It was late; we were tired.
Some sang; others only hummed.
The door was open; I went in.
Cook it slowly; stir often.
Summer is short; enjoy it.
I came; nobody was there.
A well-known poet lives here.
My mother-in-law is sixty.
It is a ten-minute walk.
She wore a dark-green coat.
An up-to-date map would help.
He is my half-brother.
The ice-cold water woke us.
We had a two-day journey.
A left-handed pen, please.
Are you ready? Then let us go.
Have you seen my glasses?
Could you speak more slowly?
Shall we take the stairs?
May I open the window?
Which of these is yours?
Is there any coffee left?
Do owls sleep by day?
So what happened next?
What a noise! Close the door.
Hurry up, we are late!
Congratulations to you both!
Watch out for the step!
Sleep well!
The judge wore a grey wig.
A squirrel ran up the oak.
The quiet girl won the prize.
Six boxes of figs were sold.
We fixed the broken fence.
The jury was out for days.
Exactly one year has passed.
The puzzle lacks a piece.
An ox pulled the heavy cart.
Next week we fly to Mexico.
The queen waved to the crowd.
Fresh juice and dry biscuits.
A breeze filled the sail.
Boil the water for the pasta.
Every child got a balloon.
Half the village came along.
The clock on the wall stopped.
Dust lay on all the books.
Snow fell on the empty square.
The dog buried its bone.
My knee hurts when I jump.
The maths exam was not easy.
Boxing Day was cold and wet.
I read it twice, word by word.
Old photos filled the drawer.
The lake froze over in a week.
Smoke rose from the chimney.
A plane crossed the sky.
KEEP OFF THE GRASS
MIND THE GAP!
WET PAINT
QUIET, PLEASE!
EXIT ONLY: NO WAY IN
JUST MARRIED!
ZEBRA CROSSING AHEAD
VERY FRAGILE (GLASS)
CLOSED ON SUNDAYS
FRESH FISH SOLD HERE
LUXURY FLATS TO LET
BEWARE OF THE DOG!
NO PARKING, 9-17
PUSH BAR TO OPEN
OUT OF ORDER
KNOCK; THEN WALK IN
HANDLE WITH CARE
VOTE FOR QUINN
BUSY: CALL 0534
BOX 12, UPPER DECK
THANK YOU VERY MUCH
SLOW! SCHOOL AHEAD
TAXI RANK (4 CARS)
JAZZ CLUB, 2 FLOORS UP
ZONE 3: LOADING ONLY
QUEUE HERE
FIRE EXIT
MY EXAM: 6 OUT OF 10
KLAXON WORKS, PULL CORD
Dear Mr. and Mrs. Oxley,
Otto, Vera, Leo and Kim sang.
Rosa and Victor know Lee.
I met Ulla, Pia and Nils.
Flat 9B, 16 Kings Road
P. Q. Lund, Box 47, Ulm
Mr. K. Zola (Room 308)
Sue and Bob left for Paris.
Fly to Lima via New York.
Vic, Ruth and Zoe like Lyon.
Xi, Uma and Kurt play chess.
Kurt Lang; Zita Fuchs; R. Oh
U. S. Krantz, PO Box 59
Call Lou, Fay and Roz (5-7).
Max Quint, 20 Vale Lane
Ned, Cleo and Fay are cousins.
"Vive la France!" cried Luc.
From Lille to Nice: 8 hours
Rex, Una and Viv: 3 cats
Nan's Kiosk; fresh rolls, 6-11
Luke's team won 5-3 (again).
""".splitlines()
