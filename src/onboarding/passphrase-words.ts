import { usernameWords } from './username-words.ts'

/** More everyday words, easy to spell and to read aloud. */
const everyday: readonly string[] = `
able actor adult agent alarm album anthem apron arch arena arrow artist ask atom attic aunt author avenue award axis bacon bagel baker
balance ballet ballot band banner barrel basket beam bean begin bench better bicycle bishop blanket board boat bold bottle bowl box brave
bread brick bright bring broom brush bucket budget build bundle cable cake camera camp canvas card cargo carpet carve casual cave ceiling
center cereal chain chair chalk chapter charm cheese chef chorus circle city clever client climb clock cloth cloud coach coat coffee coin
color column common concert cook cookie corner couch count country couple course cousin cover cradle craft crayon cream crisp crowd crown cup
curtain curve cushion custom dance daring deal debate decade deep degree desk detail diary dinner direct dish doctor donut door double dozen
draft dream dress drift driver early earth east easy edge editor effort eight elbow elegant eleven engine enjoy equal errand evening exact
exit expert fabric fable family famous fancy farmer fast father favor fence festive fifty figure film final finger first five flag flavor
float floor flour flower focus fold follow fork formal forty fossil found frame free fresh friend front frost fruit funnel future gallery
game gather gauge gentle gift giraffe glad glass glove glue goal grain grand great green greet grid group guest guide habit half hammer
handle happy hat hello help hero high hobby holiday home hood hotel house humble hundred idea igloo inch ink jacket jar jelly
jewel jigsaw job joke journey judge juice jumbo jump keen keep key keyboard kind kitchen kitten knee knock label ladder lamp laptop large
laugh layer learn legend lemonade length lesson letter level library light limit line listen little lively loaf lobby local locket logic long
lounge loyal lucky lunch lyric magic mail major manual map market master match mayor meal medal member memory menu metal middle milk million
minute model modern moment monday motor mouse movie museum music narrow nature neat needle nephew new nice niece night nine noble noodle
note novel number nurse object oboe office often oil onion open opera option order oven oxygen packet page paint paper parade
parent park parrot partner pass pasta pastry path patient pause pencil people perfect person phone photo picnic picture pillow pilot pizza
place plain plate play please pocket poem poet point polite pond popcorn porch post potato pottery pretty price print prize proof proud
public pudding puppet puzzle queen quick quiet quilt quote radio railway rapid ready recipe record relax repeat reply report rest rhyme rice
right ring road roof room rope round royal rubber runner saddle safe salad sample sandal sauce scarf school science scooter scout screen
season second secret seed senior seven shadow shape share sharp shelf ship shirt shoe shop short shoulder signal silk simple singer sister
sixty sketch skill sleep slice slow small smart smile smooth soap soccer social sofa soft solar solid song soup south space spark special
speech spice spoon sport spring square stage stair stamp station steady steam step story stove street strong student studio sugar suit sunday
supper sweater sweet swift swim symbol system table tailor talent talk taste taxi teacher team tender tennis tent thank theater thimble
thing think thirty thread three thumb ticket tidy timber title toast today toffee tomato tool tooth torch tower town toy track train travel
treat tree tribe trophy trumpet trust tunnel twelve twenty twin uncle under unicorn union unique update upper useful usual vacuum value van
vase vessel video view village visit vivid voice volume voyage wagon walk wall wallet warm watch weather wedding weekend welcome west whale
wheat wheel whisper white wide window wise wonder wood wool word work world wrap writer yard year yellow yogurt young zero zigzag zipper
absorb accent active address admire adopt advice afford amazing amount amuse ancient angle animal annual answer anyone appear arrive aside
athlete attend autobus awake badge bakery balloon banana barber basin beauty become believe belong beyond biscuit blend bloom bonus border borrow
bounce branch breath broad brown bunny butler buyer cactus calm candy capital career carol catalog cellar century champion chance charge
choice chosen cinema circus citizen classic clerk climate coast coconut collect combine comfort command compare complete compose confirm
connect content copy corridor courage create crew culture curious daily data daughter decide decorate deliver depend design develop dialog
discover distant divide dolphin domain donkey drawer dynamic effect elastic element empty engineer enough equip escape essay estate event
evolve example exchange exhibit explore express fairy feature fiction finish flexible flight fluent forever fortune forward fountain freedom
function fusion genius genuine glimpse global grammar gravity harmony harvest healthy height heritage history hockey hollow honest hopeful
`
  .trim()
  .split(/\s+/)

/** The words of passphrases: no doubles, so that each adds its full share. */
export const passphraseWords: readonly string[] = [...new Set([...usernameWords, ...everyday])]
